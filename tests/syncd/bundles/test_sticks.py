"""Sticks that are full, read-only or pulled out, on either side: said in a sentence, and gone on with later."""

from __future__ import annotations

import errno
import io
import os
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import StorageError, UsageError
from runstore.syncd.bundles.creating import How, create
from runstore.syncd.bundles.part import PartReader, UnreadablePart
from tests.syncd.bundles.sites import Inside, Outside, contents, finished_run
from tests.syncd.faults import SmallDisk

NOISE = random.Random(1)


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[SmallDisk]:
    """A stick of 300 kB."""
    disk = SmallDisk(tmp_path / "stick", 300)
    yield disk
    disk.unmount()


@pytest.fixture
def runs(inside: Inside) -> Inside:
    """Two runs of 400 kB together."""
    for name in ("r1", "r2"):
        finished_run(inside.runs, name, files={"blobs/noise": NOISE.randbytes(200_000)})
    return inside


def with_files_of(most: int, work: Callable[[], Any]) -> str:
    """Do something in a process that can't write longer files; return the sentence that it ends with."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        try:
            work()
        except StorageError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, encoding="utf-8") as said:
        return said.read()


def test_a_stick_that_is_full(runs: Inside, stick: SmallDisk) -> None:
    gathered = runs.gathered()
    with pytest.raises(StorageError, match=r"can't be written \(No space left on device; make room"):
        create(gathered, stick.place)
    assert not list(stick.place.iterdir())
    stick.remount("size=1m")
    created = create(gathered, stick.place)
    assert [path.parent for path in created.parts] == [stick.place]


def test_a_stick_that_takes_no_such_large_file(runs: Inside, tmp_path: Path) -> None:
    gathered = runs.gathered()
    (tmp_path / "fat").mkdir()
    said = with_files_of(100_000, lambda: create(gathered, tmp_path / "fat"))
    assert "give --split" in said
    assert not list((tmp_path / "fat").iterdir())
    assert not with_files_of(300_000, lambda: create(gathered, tmp_path / "fat", How(split=300_000)))
    assert len(list((tmp_path / "fat").iterdir())) == 2


def test_a_stick_that_is_read_only(runs: Inside, outside: Outside, stick: SmallDisk) -> None:
    stick.remount("size=1m")
    parts = runs.bundle(stick.place).parts
    stick.remount("ro")
    finished_run(runs.runs, "r3")
    with pytest.raises(StorageError, match="Read-only file system"):
        runs.bundle(stick.place)
    (receipt,) = outside.take_all(parts)
    assert receipt.parent == outside.runs
    assert len(contents(outside.runs)) == 4


def test_a_stick_that_is_pulled_out_while_it_is_written(runs: Inside, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    def pull(size: int) -> None:
        if stick.exists():
            stick.rename(tmp_path / "pulled")

    with pytest.raises(StorageError, match="No such file or directory"):
        create(runs.gathered(), stick, progress=pull)
    assert not [path for path in (tmp_path / "pulled").iterdir() if not path.name.startswith(".")]
    (tmp_path / "pulled").rename(stick)
    made = create(runs.gathered(), stick)
    assert sorted(stick.iterdir()) == made.parts
    with pytest.raises(UsageError, match="there is no such folder"):
        create(runs.gathered(), tmp_path / "gone" / "a.tar.zst")


class Pulled(io.BytesIO):
    """A file on a stick that is pulled out before all of it is read."""

    reads = 2

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads -= 1
        if self.reads < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


def read_whole(path: Path, file: io.BytesIO) -> None:
    for _, data in PartReader(path, file).members():
        list(data)


def test_a_stick_that_is_pulled_out_while_it_is_read(runs: Inside) -> None:
    path = runs.bundle().parts[0]
    for reads in range(5):
        file = Pulled(path.read_bytes())
        file.reads = reads
        with pytest.raises(UnreadablePart, match="Input/output error.*; is its disk still there?"):
            read_whole(path, file)


def test_what_is_left_of_a_stick_is_taken(runs: Inside, outside: Outside) -> None:
    parts = runs.bundle(how=How(split=260_000)).parts
    assert len(parts) == 2
    parts[1].rename(parts[1].with_name("lost"))
    bundles, errors, written = outside.take([parts[0], parts[1], runs.folder])
    assert "there is no such file" in errors[parts[1]]
    assert "can't be read (Is a directory)" in errors[runs.folder]
    (one,) = bundles.values()
    assert one.waiting
    assert not one.refused
    parts[1].with_name("lost").rename(parts[1])
    outside.take_all(parts[1:])
    assert contents(outside.runs) == contents(runs.runs)
    assert len(written) <= 1


def test_a_disk_that_is_full_while_runs_come_in(runs: Inside, outside: Outside) -> None:
    parts = runs.bundle().parts
    said = with_files_of(100_000, lambda: outside.take(parts))
    assert "what had come before is kept, and the same call goes on" in said
    outside.take_all(parts)
    assert contents(outside.runs) == contents(runs.runs)


def test_a_disk_without_room_is_not_even_begun(runs: Inside, tmp_path: Path, stick: SmallDisk) -> None:
    with pytest.raises(StorageError, match="bytes come, and 0 are free"):
        Outside(stick.place / "outside").take(runs.bundle().parts)


def test_two_imports_at_once_are_refused(runs: Inside, outside: Outside) -> None:
    from runstore.syncd.bundles.staging import Staging

    outside.runs.mkdir(parents=True)
    staging = Staging(outside.runs)
    with pytest.raises(StorageError, match="another import is under way there"):
        outside.take(runs.bundle().parts)
    staging.close()
    outside.take_all(runs.bundle().parts)


def test_a_file_that_changes_while_it_is_bundled_is_said(runs: Inside, tmp_path: Path) -> None:
    gathered = runs.gathered()
    next(runs.runs.glob("*/blobs/noise")).write_bytes(b"other")
    (tmp_path / "stick").mkdir()
    with pytest.raises(StorageError, match="changed while it was bundled"):
        create(gathered, tmp_path / "stick")
    assert not list((tmp_path / "stick").iterdir())


def test_a_file_is_never_overwritten_by_another_bundle(runs: Inside, tmp_path: Path) -> None:
    path = tmp_path / "mine.tar.zst"
    path.write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        create(runs.gathered(), path)
    assert path.read_text() == "precious"
