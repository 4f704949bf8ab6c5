"""Artifacts that were delivered to a real hub, asked for by another machine, which has nothing but that hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Bench

LOG_ARTIFACTS = """
    import runstore
    with runstore.init(project="demo", entity="team", id="one") as run:
        for k in range(2):
            artifact = runstore.Artifact("net", "model", description="of the test", metadata={"k": k})
            with artifact.new_file("weights.bin", "wb") as file:
                file.write(bytes([k]) * (5 << 20))
            with artifact.new_file("same.txt") as file:
                file.write("the same in both")
            artifact.add_reference("s3://bucket/data", checksum=False)
            run.log_artifact(artifact, aliases=["best"] if k == 0 else [])
"""

# What a machine that has only the hub does, as far as the hub is concerned.
FETCH = """
    import json, sys
    from pathlib import Path
    from runstore.core.artifactname import parse_artifact_name
    from runstore.syncd import elsewhere

    version = elsewhere.find_version(parse_artifact_name(sys.argv[1]), "team", "demo")
    fetched = {}
    for entry in elsewhere.entries_of(version):
        target = Path("cache", entry.sha256)
        there = bool(entry.sha256) and elsewhere.fetch_blob([entry.sha256], target)
        held = target.read_bytes() if there else b""
        fetched[entry.path] = [entry.ref, len(held), held[:1].hex()]
    print(json.dumps({"version": version.number, "facts": dict(version.facts), "fetched": fetched}))
"""


@pytest.fixture
def here(tmp_path: Path) -> Bench:
    (tmp_path / "here").mkdir()
    bench = Bench(tmp_path / "here")
    done = bench.train(LOG_ARTIFACTS)
    assert done.returncode == 0, done.stderr
    return bench


@pytest.fixture
def away(tmp_path: Path, here: Bench) -> Iterator[Bench]:
    """Another machine, which has the hub to which `here` delivered, and nothing else: `here` lost everything."""
    (tmp_path / "away").mkdir()
    bench = Bench(tmp_path / "away")
    with here.hub() as url:
        report = here.json("sync")
        assert (report["verified"], report["files_left"], report["failed"]) == (1, 0, 0), report
        shutil.rmtree(here.folder / "wandb")
        token = here.runstore("hub", "token", "create", "away", "--data", "hub").stdout.strip()
        bench.runstore("remote", "add", "lab", url, "--token", token)
        yield bench


def fetch(bench: Bench, name: str) -> Any:
    process = bench.start(FETCH, name)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output)


def test_versions_are_found_and_fetched_by_name(away: Bench) -> None:
    latest = fetch(away, "net:latest")
    assert (latest["version"], latest["facts"]["aliases"]) == (1, ["latest"])
    assert (latest["facts"]["description"], latest["facts"]["metadata"]) == ("of the test", {"k": 1})
    assert latest["fetched"] == {
        "data": ["s3://bucket/data", 0, ""],
        "same.txt": ["", 16, "74"],
        "weights.bin": ["", 5 << 20, "01"],
    }
    best = fetch(away, "team/demo/net:best")
    assert best["version"] == 0
    assert best["fetched"]["weights.bin"] == ["", 5 << 20, "00"]


def test_second_sync_sends_no_blob(here: Bench) -> None:
    with here.hub():
        first, again = here.json("sync"), here.json("sync")
    blobs = list(here.folder.glob("wandb/*/blobs/*"))
    files = [path for path in here.folder.glob("wandb/*/files/**/*") if path.is_file()]
    assert len(blobs) == 3
    assert first["files_sent"] == len(blobs) + len({path.read_bytes() for path in files})
    assert (again["files_sent"], again["file_bytes_sent"], again["verified"]) == (0, 0, 1)


def test_a_delivered_run_with_artifacts_can_be_removed(here: Bench) -> None:
    assert "is not delivered" in here.sentence("runs", "delete", "one", "--yes", code=1)
    with here.hub():
        here.json("sync")
        here.runstore("runs", "delete", "one", "--yes")
    assert not list(here.folder.glob("wandb/offline-run-*"))


USE = """
    import json, sys
    from pathlib import Path
    import runstore
    with runstore.init(project="demo", entity="team", id="two") as run:
        artifact = run.use_artifact(sys.argv[1])
        where = Path(artifact.download("got"))
        found = {path.relative_to(where).as_posix(): path.stat().st_size for path in where.rglob("*") if path.is_file()}
        print(json.dumps([artifact.name, artifact.metadata, artifact.aliases, found]))
"""
# The reference leads to a store that no test has.
LOG_FILES = LOG_ARTIFACTS.replace('artifact.add_reference("s3://bucket/data", checksum=False)', "pass")


def use(bench: Bench, name: str) -> Any:
    process = bench.start(USE, name)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


@pytest.fixture
def delivered(tmp_path: Path) -> Iterator[Bench]:
    """A machine whose artifacts are on a hub, too."""
    (tmp_path / "here").mkdir()
    bench = Bench(tmp_path / "here")
    done = bench.train(LOG_FILES)
    assert done.returncode == 0, done.stderr
    with bench.hub():
        bench.json("sync")
        yield bench


FILES = {"weights.bin": 5 << 20, "same.txt": 16}


def test_use_artifact_where_the_run_directory_is_gone(delivered: Bench) -> None:
    shutil.rmtree(delivered.folder / "wandb")
    assert use(delivered, "net:latest") == ["net:v1", {"k": 1}, ["latest"], FILES]
    assert (delivered.folder / "got" / "weights.bin").read_bytes() == b"\1" * (5 << 20)
    assert use(delivered, "net:best")[0] == "net:v0"
    assert (delivered.folder / "got" / "weights.bin").read_bytes() == bytes(5 << 20)


def test_use_artifact_where_only_the_bytes_are_gone(delivered: Bench) -> None:
    (blobs,) = delivered.folder.glob("wandb/*/blobs")
    shutil.rmtree(blobs)
    assert use(delivered, "net:latest")[3] == FILES
    kept = [path for path in (delivered.folder / "home" / "blobs").iterdir() if path.is_file()]
    assert sorted(path.stat().st_size for path in kept) == [16, 5 << 20]


def test_what_was_fetched_serves_without_the_hub(delivered: Bench) -> None:
    (blobs,) = delivered.folder.glob("wandb/*/blobs")
    shutil.rmtree(blobs)
    use(delivered, "net:latest")
    delivered.runstore("remote", "add", "lab", "http://127.0.0.1:9", "--token", "rs_x")
    assert use(delivered, "net:latest")[3] == FILES


@pytest.mark.parametrize("lost", ["blobs", "everything"])
def test_hub_that_is_not_there_is_a_clear_error(delivered: Bench, lost: str) -> None:
    (blobs,) = delivered.folder.glob("wandb/*/blobs")
    shutil.rmtree(blobs if lost == "blobs" else blobs.parents[1])
    delivered.runstore("remote", "add", "lab", "http://127.0.0.1:9", "--token", "rs_x")
    script = USE.replace("sys.argv[1]", "'net:latest'")
    said = delivered.train(script)
    assert said.returncode == 1
    assert "CommError: " in said.stderr
    assert "can't be fetched: http://127.0.0.1:9: no answer" in said.stderr


def test_name_that_no_hub_knows_is_not_found(delivered: Bench) -> None:
    said = delivered.train(USE.replace("sys.argv[1]", "'nat:latest'"))
    assert "ArtifactNotFound: " in said.stderr
