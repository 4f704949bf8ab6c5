"""Bytes of artifacts: kept when they are added, once for equal ones, whatever becomes of the originals meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runstore.blobs import store as blobs
from runstore.errors import StorageError
from runstore.sdk.artifacts import keeping
from runstore.sdk.artifacts.artifact import Artifact
from tests.sdk import reading
from tests.sdk.artifactlogs import contents, logged
from tests.sdk.reading import begin
from tests.timing import HANGS_SECONDS


def test_equal_bytes_are_kept_once(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    for name in ("one", "two", "three"):
        artifact.add_file(source / "a.txt", name=name)
    run.log_artifact(artifact)
    assert len(list((Path(run.sync_dir) / "blobs").iterdir())) == 1


def test_a_file_may_be_deleted_right_after_it_was_added(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    link = source / "link"
    link.symlink_to("a.txt")
    artifact.add_file(link)
    shutil.rmtree(source)
    run.log_artifact(artifact)
    assert contents(logged(folder)[0]) == {"link": b"a"}


def test_what_was_staged_goes_away_with_the_process(source: Path, tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    done = reading.program(
        f"""
        import os, sys
        import runstore

        artifact = runstore.Artifact("a", "t")
        artifact.add_file({str(source / "a.txt")!r})
        if os.fork() == 0:
            sys.exit()
        os.wait()
        print(os.path.exists(artifact.get_entry("a.txt").local_path))
        """,
        TMPDIR=str(tmp_path / "staging"),
    )
    assert reading.succeeded(done) == "True\n"
    assert list((tmp_path / "staging").iterdir()) == []


def test_folders_that_contain_themselves_end(source: Path) -> None:
    (source / "sub" / "round").symlink_to(source)
    artifact = Artifact("a", "t")
    artifact.add_dir(source)
    assert sorted(artifact.manifest.entries) == ["a.txt", "sub/b.txt"]


def test_what_is_no_file_is_refused(source: Path) -> None:
    os.mkfifo(source / "pipe")
    artifact = Artifact("a", "t")
    with pytest.raises(ValueError, match="pipe"):
        artifact.add_dir(source)
    with pytest.raises(ValueError, match="no file"):
        artifact.add_file(source / "missing")
    with pytest.raises(ValueError, match="no folder"):
        artifact.add_dir(source / "a.txt")
    with pytest.raises(ValueError, match="policy"):
        artifact.add_file(source / "a.txt", policy="copy")  # type: ignore[arg-type]
    for name in ("../out", "/out"):
        with pytest.raises(ValueError, match="no path inside"):
            artifact.add_file(source / "a.txt", name=name)


def test_a_full_disk_is_said_and_training_goes_on(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    run = begin()

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runstore.blobs.store.BlobStore.adopt", refuse)
    assert run.log_artifact(artifact).is_draft()
    run.log({"loss": 1})
    run.finish()
    assert "artifact a is not logged: No space left on device" in capfd.readouterr().err
    assert logged(folder) == []
    assert reading.rows(reading.only_log(folder)) == [(0, {"loss": 1})]


def blob_files(folder: Path) -> set[tuple[int, int]]:
    """Return the files, by inode and size, that hold the bytes of all runs."""
    found = [path.stat() for path in folder.glob("wandb/*/blobs/*")]
    return {(status.st_ino, status.st_size) for status in found}


def test_a_second_version_stores_only_what_is_new(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(10):
        (data / f"{number}.bin").write_bytes(os.urandom(3000 if number else 2 << 20))
    with begin(project="p") as run:
        run.log_artifact(data, "a")
    before = blob_files(folder)
    (data / "5.bin").write_bytes(b"new")
    with begin(project="p") as run:
        second = run.log_artifact(data, "a")
        assert second.version == "v1"
    assert {size for _, size in blob_files(folder) - before} == {3}
    assert len(list(folder.glob("wandb/*/blobs/*"))) == 20


def test_a_large_file_that_an_earlier_version_has_is_not_written_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(2 << 20))
    with begin(project="p") as run:
        run.log_artifact(large, "a")

    def refuse(*_: object) -> None:
        raise AssertionError("written")

    with begin(project="p"):
        monkeypatch.setattr(blobs, "write_all", refuse)
        entry = Artifact("a", "t").add_file(large)
        with open(large, "r+b") as file:  # as large, and another one
            file.write(b"changed")
        with pytest.raises(AssertionError, match="written"):
            Artifact("a", "t").add_file(large)
    assert entry.local_path is not None
    assert Path(entry.local_path).stat().st_nlink == 2


class Growing:
    """Adds to a file whenever a piece of it is read, `times` times."""

    def __init__(self, path: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.times, self.real = path, times, blobs._check_unchanged
        monkeypatch.setattr(blobs, "_check_unchanged", self)

    def __call__(self, *arguments: Any) -> None:
        """Grow, then look."""
        if self.times:
            self.times -= 1
            with open(self.path, "ab") as file:
                file.write(b"more")
        self.real(*arguments)


@pytest.mark.parametrize("size", [10, 2 << 20])
def test_a_file_that_changes_while_it_is_added_is_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(size))
    Growing(path, keeping.MAX_READS - 1, monkeypatch)
    run = begin()
    artifact = Artifact("a", "t")
    assert artifact.add_file(path).size == path.stat().st_size == size + 4 * (keeping.MAX_READS - 1)
    run.log_artifact(artifact)
    assert contents(logged(folder)[0]) == {"growing": path.read_bytes()}


def test_a_file_that_changes_all_the_time_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"some")
    Growing(path, keeping.MAX_READS, monkeypatch)
    run = begin()
    with pytest.raises(ValueError, match="changed while it was added"):
        Artifact("a", "t").add_file(path)
    assert list(Path(run.sync_dir).glob("blobs/*")) == []


def test_links_in_a_folder_are_followed_and_need_not_stay(folder: Path, source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "far.txt").write_text("far")
    (source / "out").symlink_to(elsewhere / "far.txt")
    (source / "below").symlink_to(elsewhere)
    run = begin()
    artifact = Artifact("a", "t")
    artifact.add_dir(source)
    shutil.rmtree(source)
    shutil.rmtree(elsewhere)
    run.log_artifact(artifact)
    assert contents(logged(folder)[0])["below/far.txt"] == contents(logged(folder)[0])["out"] == b"far"


def test_a_link_that_leads_nowhere_is_refused_as_missing(source: Path) -> None:
    (source / "dangling").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="dangling"):
        Artifact("a", "t").add_dir(source)


def test_a_file_that_may_not_be_read_is_refused_as_such(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, path: str, *_: Any) -> None:
        raise PermissionError(13, "Permission denied", os.fspath(path))  # as nobody tells the superuser

    monkeypatch.setattr(blobs.BlobStore, "put_file", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied \(.*a\.txt\)") as caught:
        Artifact("a", "t").add_file(source / "a.txt")
    assert isinstance(caught.value, StorageError)


def test_a_name_with_a_newline_is_one(folder: Path, source: Path) -> None:
    (source / "two\nlines").write_text("2")
    run = begin()
    run.log_artifact(source, "a")
    assert contents(logged(folder)[0]) == {"a.txt": b"a", "sub/b.txt": b"b", "two\nlines": b"2"}


def test_a_disk_that_fills_while_a_file_is_added_leaves_nothing_half_written(folder: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(3 << 20))
    done = reading.program(
        f"""
        import resource, signal
        import runstore

        run = runstore.init()
        artifact = runstore.Artifact("a", "t")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            artifact.add_file({str(large)!r})
        except OSError as error:
            print(type(error).__name__, "what was added before is safe" in str(error))
        run.log({{"loss": 1}})
        """
    )
    assert reading.succeeded(done) == "ArtifactRefused True\n"
    assert list(folder.glob("wandb/*/blobs/*")) == []
    assert reading.rows(reading.only_log(folder)) == [(0, {"loss": 1})]


KILLED = """
import os, signal, sys
import runstore
from runstore.blobs import store

run = runstore.init()
artifact = runstore.Artifact("a", "t")
artifact.add_file(sys.argv[1], name="small.txt")
write, left = store.write_all, int(sys.argv[3])

def writing(target, data):
    global left
    write(target, data)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

store.write_all = writing
artifact.add_file(sys.argv[2])
run.log_artifact(artifact)
"""


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_kill_while_a_large_file_is_added_leaves_no_half_blob(
    folder: Path, source: Path, tmp_path: Path, blocks: int
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(16 << 20))
    command = [sys.executable, "-c", KILLED, str(source / "a.txt"), str(large), str(blocks)]
    done = subprocess.run(command, capture_output=True, timeout=HANGS_SECONDS)
    assert done.returncode == -signal.SIGKILL, done.stderr
    whole = [path for path in folder.glob("wandb/*/blobs/*") if not path.name.startswith(".partial-")]
    assert [path.read_bytes() for path in whole] == [b"a"]
    assert logged(folder) == []


def test_where_nothing_may_be_lost_bytes_are_on_the_disk_before_the_record(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_FSYNC", "always")
    run = begin()
    artifact = Artifact("a", "t")
    artifact.add_dir(source)
    synced: list[str] = []
    fsync = os.fsync

    def noted(opened: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{opened}"))
        fsync(opened)

    monkeypatch.setattr(os, "fsync", noted)
    run.log_artifact(artifact)
    blobs_ = {entry.local_path for entry in logged(folder)[0].manifest.contents}
    assert blobs_ < set(synced)
    assert str(Path(run.sync_dir).resolve() / "blobs") in synced


def test_whatever_the_policy_bytes_are_copied(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt", policy="immutable")
    artifact.add_file(source / "sub" / "b.txt", skip_cache=True)
    shutil.rmtree(source)
    run.log_artifact(artifact)
    record = logged(folder)[0]
    assert contents(record) == {"a.txt": b"a", "b.txt": b"b"}
    assert [entry.skip_cache for entry in record.manifest.contents] == [False, True]
