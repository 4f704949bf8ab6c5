"""What was logged comes back: in the same run, another run, another process, by each kind of name."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

import runstore
from runstore.errors import ArtifactNotFound, CommError, NotFound, WrongArtifact
from runstore.index.database import index_path
from runstore.query.artifacts.registry import Registry
from tests.sdk import reading
from tests.sdk.artifactlogs import logged
from tests.sdk.asking import ask, made, tree
from tests.sdk.reading import begin

# Each way to name the version that `logged_twice` gives the alias best.
NAMES = ("net:best", "net:v0", "p/net:best", "team/p/net:v0")

DOWNLOADED = """
    import os
    artifact = {found}
    root = artifact.download("there")
    answer([artifact.name, artifact.aliases, sorted(os.listdir(root)), open("there/weights.txt").read()])
"""
IN_A_RUN = 'runstore.init(project="p", entity="team", id="asks").use_artifact({name!r}, type="model")'
BY_THE_API = 'runstore.Api({{"entity": "team", "project": "p"}}).artifact({name!r}, type="model")'


@pytest.fixture
def logged_twice(folder: Path) -> Path:
    """Return the folder of a run that logged two versions of one artifact and is finished."""
    with begin(project="p", entity="team", id="makes") as run:
        run.log_artifact(made("one"), aliases=["best"])
        run.log_artifact(made("two"))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_name_means_the_same_in_the_same_run(name: str, folder: Path) -> None:
    run = begin(project="p", entity="team")
    run.log_artifact(made("one"), aliases=["best"])
    run.log_artifact(made("two"))
    found = run.use_artifact(name, type="model")
    assert (found.name, found.qualified_name, found.aliases) == ("net:v0", "team/p/net:v0", ["best"])
    assert tree(found.download()) == {"weights.txt": b"one"}
    assert run.use_artifact("net").version == "v1"  # without an alias, the latest


@pytest.mark.parametrize("way", [IN_A_RUN, BY_THE_API], ids=["use_artifact", "api"])
def test_names_resolve_in_fresh_processes(way: str, logged_twice: Path, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        where = tmp_path / f"asks{number}"
        where.mkdir()
        found = ask(DOWNLOADED.format(found=way.format(name=name)), where)
        assert found == ["net:v0", ["best"], ["weights.txt"], "one"]
    latest = ask(DOWNLOADED.format(found=way.format(name="net:latest")), tmp_path)
    assert latest == ["net:v1", ["latest"], ["weights.txt"], "two"]


def test_a_deleted_index_gives_the_same_answers(logged_twice: Path, tmp_path: Path) -> None:
    program = DOWNLOADED.format(found=BY_THE_API.format(name="net:best"))
    before = ask(program, tmp_path)
    for path in index_path().parent.glob("index.db*"):
        path.unlink()
    assert ask(program, tmp_path) == before


def test_a_moved_run_directory_still_has_its_artifacts(logged_twice: Path, tmp_path: Path) -> None:
    (log,) = logged_twice.glob("wandb/offline-run-*/run-makes.wandb")
    elsewhere = tmp_path / "elsewhere" / "wandb"
    elsewhere.parent.mkdir()
    (logged_twice / "wandb").rename(elsewhere)
    program = DOWNLOADED.format(found=BY_THE_API.format(name="net:best"))
    assert ask(program, tmp_path, WANDB_DIR=str(elsewhere.parent)) == ["net:v0", ["best"], ["weights.txt"], "one"]
    assert not log.exists()


def test_bytes_are_found_in_another_run_that_logged_the_same(folder: Path, tmp_path: Path) -> None:
    directories = []
    for run_id in ("first", "second"):
        with begin(project="p", id=run_id) as run:
            run.log_artifact(made("one"))
            directories.append(Path(run.dir).parent)
    shutil.rmtree(directories[0] / "blobs")
    assert tree(runstore.Api().artifact("p/net:v0").download(tmp_path / "root")) == {"weights.txt": b"one"}


def test_bytes_are_found_in_a_copy_of_the_run_directory(folder: Path, tmp_path: Path) -> None:
    with begin(project="p") as run:
        run.log_artifact(made("one"))
        directory = Path(run.dir).parent
    shutil.copytree(directory, folder / "wandb" / directory.name.replace("offline-run-2", "offline-run-3"))
    for one in sorted((folder / "wandb").glob("offline-run-*")):
        assert runstore.Api().artifact("p/net:v0").version == "v0"
        os.rename(one / "blobs", one / "away")
        assert tree(runstore.Api().artifact("p/net:v0").download(tmp_path / one.name)) == {"weights.txt": b"one"}
        os.rename(one / "away", one / "blobs")


def test_a_lookup_opens_no_server_and_starts_no_daemon(logged_twice: Path, tmp_path: Path) -> None:
    ask(DOWNLOADED.format(found=BY_THE_API.format(name="net:best")), tmp_path)
    assert sorted(path.name for path in index_path().parent.iterdir() if "index.db" not in path.name) == []


def moment_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_an_artifact_that_is_restored_says_all_that_was_recorded(logged_twice: Path, source: Path) -> None:
    with begin(project="p", entity="team", id="more") as run:
        artifact = runstore.Artifact("data", "dataset", description="what it is", metadata={"rows": [1, None]})
        artifact.add_dir(source)
        artifact.add_reference("https://example.org/far.bin", checksum=False)
        before = run.log_artifact(artifact, aliases=["raw"], tags=["kept"]).wait()
    found = runstore.Api().artifact("team/p/data:raw")
    for name in (
        *("name", "type", "version", "description", "metadata", "aliases", "tags", "digest", "size", "file_count"),
        *("entity", "project", "qualified_name", "source_qualified_name", "id", "state", "is_link"),
        *("digest_algorithm", "client_id", "commit_hash", "url", "ttl"),
    ):
        assert getattr(found, name) == getattr(before, name), name
    assert abs(moment_of(found.created_at) - moment_of(before.created_at)) <= 1
    assert found.manifest.to_manifest_json() == before.manifest.to_manifest_json()
    assert [file.name for file in found.files()] == ["a.txt", "far.bin", "sub/b.txt"]
    assert [file.name for file in found.files(["a.txt", "none"])] == ["a.txt"]
    assert found.collection.name == "data"
    assert found.get_entry("far.bin").ref_target() == "https://example.org/far.bin"


def test_the_name_tells_the_version_from_wait_on(folder: Path) -> None:
    run = begin(project="p", entity="team")
    artifact = run.log_artifact(made("one"))
    assert (artifact.name, artifact.version) == ("net", "v0")
    assert run.use_artifact(f"{artifact.name}:latest").name == "net:v0"
    assert artifact.wait() is artifact
    assert (artifact.name, artifact.source_name, artifact.qualified_name) == ("net:v0", "net:v0", "team/p/net:v0")
    run.log_artifact(artifact)
    assert logged(folder)[-1].name == "net"


def test_names_without_an_entity_are_short(folder: Path) -> None:
    run = begin(project="p")
    run.log_artifact(made("one"))
    found = run.use_artifact("net:v0")
    assert (found.entity, found.qualified_name) == ("", "p/net:v0")
    assert runstore.Api().artifact("p/net").qualified_name == "p/net:v0"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("net:bets", "'best'"),
        ("net:v7", "v0 to v1"),
        ("nett:best", "team/p/net"),
        ("other/net:best", "team/p/net"),
    ],
)
def test_what_is_not_there_names_the_nearest(name: str, near: str, logged_twice: Path) -> None:
    run = begin(project="p", entity="team")
    with pytest.raises(ArtifactNotFound, match=near) as raised:
        run.use_artifact(name)
    assert isinstance(raised.value, CommError)
    assert isinstance(raised.value, NotFound)


def test_another_type_and_what_is_no_name_are_refused(logged_twice: Path) -> None:
    run = begin(project="p", entity="team")
    with pytest.raises(WrongArtifact, match="is of type 'model', not 'dataset'"):
        run.use_artifact("net:best", type="dataset")
    for name in ("", "a/b/c/d:e", "net:", ":best", "net:best:v0"):
        with pytest.raises(ValueError, match="can't name an artifact"):
            run.use_artifact(name)


def test_a_use_is_recorded_once_a_run(logged_twice: Path, folder: Path) -> None:
    with begin(project="p", entity="team", id="uses") as run:
        found = run.use_artifact("net:best")
        run.use_artifact("net:v0")
        run.use_artifact(found)
    (log,) = folder.glob("wandb/offline-run-*/run-uses.wandb")
    uses = [record.use_artifact for record in reading.records(log) if record.HasField("use_artifact")]
    assert [(use.id, use.type, use.name) for use in uses] == [(found.client_id, "model", "team/p/net:v0")]


def test_lineage_leads_from_maker_to_user_and_back(logged_twice: Path) -> None:
    with begin(project="p", entity="team", id="uses") as run:
        run.use_artifact("net:best")
        run.log_artifact(made("three", "derived"))
    api = runstore.Api()
    net = api.artifact("team/p/net:best")
    maker = net.logged_by()
    assert maker is not None
    assert maker.path == ["team", "p", "makes"]
    assert [user.id for user in net.used_by()] == ["uses"]
    user = api.run("team/p/uses")
    assert [artifact.qualified_name for artifact in user.used_artifacts()] == ["team/p/net:v0"]
    assert [artifact.qualified_name for artifact in user.logged_artifacts()] == ["team/p/derived:v0"]
    assert [artifact.name for artifact in maker.logged_artifacts()] == ["net:v0", "net:v1"]
    assert api.artifact("team/p/derived").used_by() == []


def test_use_model_returns_the_file_or_the_folder(folder: Path, source: Path) -> None:
    run = begin(project="p")
    run.log_model(source / "a.txt", "one")
    run.log_model(source, "many")
    assert Path(run.use_model("one:latest")).read_text() == "a"
    assert tree(run.use_model("many:latest")) == {"a.txt": b"a", "sub/b.txt": b"b"}
    run.log_artifact(made("x", "data", "dataset"))
    with pytest.raises(ValueError, match="no model"):
        run.use_model("data:latest")


def test_thousands_of_entries_cost_a_lookup_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with begin(project="p") as run:
        run.log_artifact(made("one"))
    monkeypatch.setattr(Registry, "entries", lambda *_: pytest.fail("entries were read"))
    found = runstore.Api().artifact("p/net")
    assert (found.version, found.aliases, found.digest) == ("v0", ["latest"], found.commit_hash)


def test_an_index_elsewhere_answers_for_all_that_is_asked_of_its_artifacts(
    logged_twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runstore.Api(index=tmp_path / "other.db").artifact("team/p/net:best")
    shutil.rmtree(os.environ["RUNSTORE_HOME"])
    maker = found.logged_by()
    assert maker is not None
    assert maker.id == "makes"
    assert [file.size for file in found.files()] == [3]
