"""What stock `wandb` leaves outside of its run directories is brought in, and its own `sync` then sends the same bytes.

The run is a real one of three versions. Afterwards the staging folder and the originals are deleted, as people do.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.query.api import Api
from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.wandbserver.recorded import RecordedArtifact
from tests.wandbserver.server import RecordingServer

NEWEST = stock.STOCK_VERSIONS[0]

PROGRAM = """
import pathlib, numpy as np, wandb
data = pathlib.Path("data")
data.mkdir()
for name, text in {"a.txt": "alpha", "b.bin": "beta", "c.txt": "gamma", "[x] y.txt": "odd name"}.items():
    (data / name).write_text(text)
pathlib.Path("kept.txt").write_text("nowhere else")
for policy in ("now", "end", "live"):
    (data / f"{policy}.txt").write_text(policy)
run = wandb.init(project="rescue", id="r1")
artifact = wandb.Artifact("first", "dataset")
artifact.add_file("data/a.txt")
artifact.add_file("data/b.bin", name="sub/b.bin")
artifact.add_file("kept.txt", policy="immutable")
artifact.add_reference("https://example.org/x", name="far", checksum=False)
with artifact.new_file("notes.txt") as file:
    file.write("made here")
run.log_artifact(artifact)
second = wandb.Artifact("first", "dataset")
second.add_file("data/a.txt")
second.add_dir("data", name="all")
run.log_artifact(second)
for policy in ("now", "end", "live"):
    run.save(f"data/{policy}.txt", policy=policy)
run.save("data/[[]x] y.txt")
run.log({"table": wandb.Table(columns=["a"], data=[[1]]), "image": wandb.Image(np.zeros((2, 2, 3), np.uint8))})
run.log({"loss": 1})
(data / "live.txt").write_text("live, at the end")
run.finish()
"""
SAVED = {"data/now.txt": b"now", "data/end.txt": b"end", "data/live.txt": b"live, at the end"}
SAVED |= {"data/[x] y.txt": b"odd name"}


@dataclass(frozen=True)
class Sent:
    """What a server got from stock's own sync: saved files, and each artifact's files by its name."""

    files: dict[str, bytes]
    artifacts: list[RecordedArtifact]


def _made(folder: Path, version: str) -> Path:
    done = stock.run_script(version, PROGRAM, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(params=stock.STOCK_VERSIONS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which a version of stock ran, as it left it: paths in the log are of this folder."""
    version: str = request.param
    made = made_once(tmp_path_factory, f"rescue-{version}", lambda at: _made(at, version))
    before = made.with_name(f"{made.name}-before")
    with open(made.with_name(f"{made.name}.used"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one test at a time, whichever process runs it
        if not before.exists():
            shutil.copytree(made, before, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(made)
        shutil.copytree(before, made, symlinks=True)
        yield made


def _run_directory(folder: Path) -> Path:
    (found,) = folder.glob("wandb/offline-run-*")
    return found


def _lost_by_stock(folder: Path) -> list[str]:
    """Return what is lost when the process ends: older versions have what `new_file` makes in a temporary folder."""
    return [] if NEWEST in folder.name else ["notes.txt"]


def _rescue(folder: Path) -> None:
    with closing(Indexer(folder / "index.db", rescuing=True)) as indexer:
        indexer.catch_up_below(folder / "wandb")
        indexer.rescue()


def _sync(folder: Path) -> Sent:
    with RecordingServer() as server:
        stock.sync(NEWEST, _run_directory(folder), server.url)
        (run,) = server.runs
        # It announces several at once, in whatever order its threads come to it.
        artifacts = sorted(
            server.artifacts, key=lambda one: (one.announced["artifactCollectionName"], one.announced["clientID"])
        )
        return Sent({path: run.files[path] for path in SAVED if path in run.files}, artifacts)


def _not_kept(folder: Path) -> list[str]:
    with closing(Api(folder / "index.db", refresh=False)) as api:
        return [one.path for one in api.run("r1").not_kept()]


def test_every_byte_survives_the_deletion_of_all_else(folder: Path) -> None:
    _rescue(folder)
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / ".stock-home")
    os.unlink(folder / "kept.txt")
    lost = _lost_by_stock(folder)
    assert _not_kept(folder) == lost
    files = _run_directory(folder) / "files"
    assert {path: (files / path).read_bytes() for path in SAVED} == SAVED
    with closing(Indexer(folder / "index.db")) as indexer:
        query = "SELECT path, digest FROM artifact_entries WHERE ref = ''"
        entries = [entry for entry in indexer.connection.execute(query) if entry[0] not in lost]
    assert len(entries) >= 4 + 1 + 7 - len(lost)
    for _, digest in entries:
        data = (_run_directory(folder) / "blobs" / f"md5-{base64.b64decode(digest).hex()}").read_bytes()
        assert base64.b64encode(hashlib.md5(data).digest()).decode() == digest


def test_stocks_own_sync_sends_the_same_as_before(folder: Path) -> None:
    before = _sync(folder)
    for mark in folder.glob("wandb/*/*.synced"):
        mark.unlink()
    _rescue(folder)
    after = _sync(folder)
    assert before.files == after.files == SAVED
    assert [one.announced for one in after.artifacts] == [one.announced for one in before.artifacts]
    assert [one.files for one in after.artifacts] == [one.files for one in before.artifacts]
    for blob in (_run_directory(folder) / "blobs").iterdir():  # linked to what sync has read, and may have moved
        assert blob.name == f"md5-{hashlib.md5(blob.read_bytes()).hexdigest()}"


def test_saved_files_still_reach_stocks_server_when_the_originals_are_gone(folder: Path) -> None:
    _rescue(folder)
    shutil.rmtree(folder / "data")
    assert _sync(folder).files == SAVED


def test_a_run_directory_that_moved_has_all_with_it(folder: Path, tmp_path: Path) -> None:
    _rescue(folder)
    moved = tmp_path / "wandb" / _run_directory(folder).name
    shutil.copytree(_run_directory(folder), moved, symlinks=True)
    shutil.rmtree(folder / "data")
    shutil.rmtree(folder / ".stock-home")
    assert not [path for path in (moved / "files").rglob("*") if path.is_symlink()]
    with closing(Indexer(tmp_path / "index.db", rescuing=True)) as indexer:
        indexer.catch_up_below(tmp_path / "wandb")
        lost = indexer.connection.execute("SELECT path FROM rescues WHERE outcome <> 'kept'").fetchall()
        assert [path for (path,) in lost] == _lost_by_stock(folder)


def test_what_was_deleted_before_is_told_and_nothing_else(folder: Path) -> None:
    os.unlink(folder / "kept.txt")
    os.unlink(folder / "data" / "end.txt")
    _rescue(folder)
    assert sorted(_not_kept(folder)) == sorted(["data/end.txt", "kept.txt", *_lost_by_stock(folder)])
