"""SIGKILL at any moment of a bundle's way: nothing half done shows, and the same call completes it."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runstore.syncd.bundles import creating
from runstore.syncd.bundles.creating import How, create
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.verifying import Verification
from tests.syncd.bundles.sites import Inside, Outside, StockRun, contents, finished_run

KILLS = 40
# What a program does to files shows in these events; those of reading, which are most, count as well.
_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "shutil.rmtree", "fcntl.flock")


@pytest.fixture
def stick(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty stick; the runs that are to be on it have files of every kind, and one has several parts."""
    monkeypatch.setattr(creating, "LEAST_PIECE_BYTES", 1000)
    noise = random.Random(1)
    files = {f"files/media/{n}.bin": noise.randbytes(9000) for n in range(4)}
    finished_run(inside.runs, "r1", 50, files)
    finished_run(inside.runs, "r2", 50, {"files/same": files["files/media/1.bin"], "blobs/b": noise.randbytes(60_000)})
    stick = inside.folder / "stick"
    stick.mkdir()
    return stick


HOW = How(split=40_000)


def killed_at(event: int, work: Callable[[], object]) -> bool:
    """Do something in a process of its own that is killed at the n-th thing that it does to files; was it?"""
    child = os.fork()
    if not child:
        left = event

        def hook(name: str, _: object) -> None:
            nonlocal left
            if name in _EVENTS:  # the killing is an event itself
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def events_of(work: Callable[[], object]) -> int:
    """Do something in a process of its own, and return how many things it does to files, more or less."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        count = 0

        def hook(name: str, _: object) -> None:
            nonlocal count
            count += name in _EVENTS

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os.write(write, str(count).encode())
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read, encoding="ascii") as told:
        return int(told.read())


def moments(work: Callable[[], object], most: int = KILLS) -> list[int]:
    """Return moments to be killed at, the later ones as well; finds out by doing it once, whole."""
    count = events_of(work)
    return random.Random(7).sample(range(1, count + 1), min(most, count))


def test_a_create_that_is_killed_leaves_nothing_that_looks_whole(inside: Inside, stick: Path, tmp_path: Path) -> None:
    gathered = inside.gathered()
    (tmp_path / "whole").mkdir()
    whole = [path.read_bytes() for path in create(gathered, tmp_path / "whole", HOW).parts]

    def work() -> None:
        create(gathered, stick / "named.tar.zst", HOW)

    for moment in moments(work):
        for path in stick.iterdir():
            path.unlink()
        killed_at(moment, work)
        for path in stick.glob("[!.]*"):
            assert not Verification(Trust()).take(path).error
        made = create(gathered, stick / "named.tar.zst", HOW)
        assert sorted(stick.iterdir()) == sorted(made.parts)
        assert [path.read_bytes() for path in made.parts] == whole


def test_what_a_create_that_goes_on_writes_is_left_to_it(inside: Inside, stick: Path) -> None:
    others = stick / ".holiday.partial"
    others.write_text("of another program")
    gathered = inside.gathered()

    def while_writing(size: int) -> None:
        if not (stick / "other.tar.zst").exists():
            create(gathered, stick / "other.tar.zst")

    made = create(gathered, stick, HOW, while_writing)
    assert sorted(stick.iterdir()) == sorted([*made.parts, stick / "other.tar.zst", others])


def test_an_import_that_is_killed_is_completed_by_the_same_call(inside: Inside, stick: Path, tmp_path: Path) -> None:
    parts = inside.bundle(stick, HOW).parts
    outsides = (Outside(tmp_path / f"outside{n}") for n in range(1000))
    for moment in moments(lambda: next(outsides).take(parts)):
        outside = next(outsides)
        killed_at(moment, lambda to=outside: to.take(parts))  # type: ignore[misc]
        _is_a_part_of(contents(outside.runs), contents(inside.runs))
        (receipt,) = outside.take_all(parts)
        assert contents(outside.runs) == contents(inside.runs)
        assert not outside.staged()
        assert inside.take_receipt(receipt).delivered == {"p/r1", "p/r2"}


def test_an_import_that_is_killed_while_logs_grow_is_completed(inside: Inside, tmp_path: Path) -> None:
    run = StockRun(inside.runs, "r1")
    run.grow(100)
    first = inside.bundle().parts
    run.grow(100)
    run.put("a.txt", b"new")
    run.finish()
    second = inside.bundle().parts

    def begun(number: int) -> Outside:
        outside = Outside(tmp_path / f"outside{number}")
        outside.take_all(first)
        return outside

    reference = begun(0)
    for number, moment in enumerate(moments(lambda: reference.take(second)), 1):
        outside = begun(number)
        killed_at(moment, lambda to=outside: to.take(second))  # type: ignore[misc]
        outside.take_all(second)
        assert contents(outside.runs) == contents(inside.runs)


def _is_a_part_of(found: dict[str, bytes], whole: dict[str, bytes]) -> None:
    for path, data in found.items():
        if not Path(path).name.startswith("."):
            assert whole[path].startswith(data)


def test_a_receipt_whose_taking_in_is_killed_is_taken_in_again(inside: Inside, stick: Path, outside: Outside) -> None:
    (receipt,) = outside.take_all(inside.bundle(stick).parts)
    for moment in moments(lambda: inside.take_receipt(receipt)):
        for path in inside.runs.rglob("*.runstore.json"):
            path.unlink()
        killed_at(moment, lambda: inside.take_receipt(receipt))
        assert not inside.take_receipt(receipt).notes
        assert not inside.gathered(since="").runs
