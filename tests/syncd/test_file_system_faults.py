"""What disks and file servers do to logs that are being read: said in a sentence, nothing lost, and gone on with."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runstore.index import indexer as indexing
from runstore.index import live as living
from runstore.index.live import Advances, LiveIndexer
from runstore.runlog import live as reading
from runstore.syncd import daemon as daemon_module
from runstore.syncd import intake, tailing
from runstore.syncd.daemon import Daemon
from runstore.syncd.tailing import LONGEST_RETRY_SECONDS, PATIENCE_SECONDS, RETRY_SECONDS, Tails
from tests import timing
from tests.index.writing import dump, exit_record, header, indexed, mixed_bodies, plain_rows, run, write, write_log
from tests.syncd.daemons import daemon_in_thread, status_once, waits_for
from tests.syncd.faults import EACCES, EIO, ESTALE, FaultyDisk, SmallDisk, is_error_of, short_reads, zeros_from
from tests.timing import Clock

SMALL_PIECE = 20_000


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    return FaultyDisk(monkeypatch)


@pytest.fixture
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "READ_BYTES", 16_384)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk", 3000)
    yield disk
    disk.unmount()


def log_of(folder: Path, name: str = "r1", records: int = 600) -> Path:
    return write_log(folder, [*mixed_bodies(len(name), records), exit_record()], name, name)


def plain_log_of(folder: Path, name: str = "r1", rows: int = 2500) -> Path:
    """Return a log of some 280 KB that is quickly written, read and compared."""
    return write_log(folder, [*plain_rows(range(rows)), exit_record()], name, name)


def read_all(tails: Tails, *logs: Path) -> list[Path]:
    tails.note(logs)
    return tails.work(1000)


def all_of(live: LiveIndexer, tmp_path: Path, *logs: Path) -> bool:
    """Whether the index says what one that read these logs at once does."""
    live.close()
    return dump(live.path) == indexed(tmp_path / f"{time.monotonic_ns()}.db", *logs)


@pytest.mark.parametrize("number", [EIO, ESTALE])
def test_a_read_that_fails_in_the_middle_of_a_piece_repeats_and_loses_nothing(
    number: int, live: LiveIndexer, tails: Tails, tmp_path: Path, disk: FaultyDisk, clock: Clock, short_looks: None
) -> None:
    log = log_of(tmp_path / "logs", records=2000)
    assert log.stat().st_size > 200_000
    disk.fail_to_read(log, number, behind=150_000)
    assert read_all(tails, log) == []
    assert is_error_of(tails.errors[log], number)
    assert str(log) in tails.errors[log]
    disk.heal()
    assert tails.work(1) == []  # not at once
    clock.now += RETRY_SECONDS
    assert tails.work(1000) == [log]
    assert tails.errors == {}
    assert all_of(live, tmp_path, log)


@pytest.mark.parametrize("number", [EIO, ESTALE])
def test_a_read_that_fails_in_a_log_that_is_being_followed_repeats_nothing(
    number: int,
    live: LiveIndexer,
    tails: Tails,
    tmp_path: Path,
    disk: FaultyDisk,
    short_looks: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(living, "WRITE_ROWS", 1 << 30)
    whole = log_of(tmp_path / "whole", records=2000).read_bytes()
    log = log_of(tmp_path / "logs", records=1)
    log.write_bytes(whole[:40_000])
    assert read_all(tails, log) == [log]
    log.write_bytes(whole[:80_000])
    assert read_all(tails, log) == [log]
    log.write_bytes(whole)
    disk.fail_to_read(log, number, behind=150_000)
    assert read_all(tails, log) == []
    log.touch()
    disk.heal()
    assert read_all(tails, log) == [log]
    assert all_of(live, tmp_path, log)


def test_a_broken_log_is_tried_ever_more_seldom_and_holds_up_no_other(
    tails: Tails, tmp_path: Path, disk: FaultyDisk, clock: Clock
) -> None:
    broken, well = log_of(tmp_path, "broken"), log_of(tmp_path, "well")
    disk.fail_to_open(broken, EIO)
    assert read_all(tails, broken, well) == [well]
    tried = []
    real = disk._open

    def counting(path: Any, *more: Any, **named: Any) -> int:
        if os.fsdecode(path) == str(broken):
            tried.append(clock.now)
        return real(path, *more, **named)

    os.open = counting
    for _ in range(1200):
        clock.now += 1
        tails.work(1)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits == sorted(waits)
    assert waits[0] <= 2 * RETRY_SECONDS
    assert waits[-1] == LONGEST_RETRY_SECONDS
    disk.heal()
    clock.now += LONGEST_RETRY_SECONDS
    assert tails.work(1) == [broken]


@pytest.mark.parametrize("fail", [FaultyDisk.fail_to_stat, FaultyDisk.fail_to_open])
def test_a_log_without_permission_is_told_of_and_read_when_it_is_given(
    fail: Callable[[FaultyDisk, Path, int], None],
    live: LiveIndexer,
    tails: Tails,
    tmp_path: Path,
    disk: FaultyDisk,
    clock: Clock,
) -> None:
    log = log_of(tmp_path / "logs")
    fail(disk, log, EACCES)
    assert read_all(tails, log) == []
    assert is_error_of(tails.errors[log], EACCES)
    disk.heal()
    clock.now += LONGEST_RETRY_SECONDS
    assert tails.work(1) == [log]
    assert all_of(live, tmp_path, log)


@pytest.mark.parametrize("most", [1000, 32_768, 100_001])
def test_short_reads_cost_nothing_but_time(
    most: int, live: LiveIndexer, tails: Tails, tmp_path: Path, disk: FaultyDisk
) -> None:
    log = log_of(tmp_path / "logs")
    disk.change_reads(log, short_reads(most))
    assert read_all(tails, log) == [log]
    disk.heal()
    assert all_of(live, tmp_path, log)


@pytest.mark.parametrize("where", [0, 3, 40, 5_000, 32_768, 36_864])
@pytest.mark.parametrize("pages", [1, 20])
def test_a_size_that_comes_before_its_content_is_not_taken_for_damage(
    where: int, pages: int, live: LiveIndexer, tails: Tails, tmp_path: Path, disk: FaultyDisk, clock: Clock
) -> None:
    log = plain_log_of(tmp_path / "logs")
    assert log.stat().st_size > 36_864 + 20 * 4096
    disk.change_reads(log, zeros_from(where, where + pages * 4096))
    read_all(tails, log)
    assert tails.errors == {}
    assert live.reached(log)[0] <= max(where, 7)
    clock.now += 1
    assert tails.work(1) == [log]  # nobody noted it: it is looked for by itself
    assert live.reached(log)[0] <= max(where, 7)
    disk.heal()
    clock.now += 1
    assert tails.work(1) == [log]
    assert live.reached(log)[0] == log.stat().st_size
    assert all_of(live, tmp_path, log)


def test_content_that_never_comes_is_damage_in_the_end(
    live: LiveIndexer, tails: Tails, tmp_path: Path, disk: FaultyDisk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = plain_log_of(tmp_path / "logs")
    data = bytearray(log.read_bytes())
    data[40_000:70_000] = bytes(30_000)
    log.write_bytes(data)
    read_all(tails, log)
    held_at = live.reached(log)[0]
    assert held_at <= 40_000
    later = time.monotonic() + PATIENCE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    clock.now += 1
    assert tails.work(1) == [log]
    assert live.reached(log)[0] == len(data)
    monkeypatch.undo()
    assert all_of(live, tmp_path, log)


def test_damage_in_a_log_that_nobody_writes_is_passed_at_once(live: LiveIndexer, tails: Tails, tmp_path: Path) -> None:
    log = plain_log_of(tmp_path / "logs")
    data = bytearray(log.read_bytes())
    data[40_000:70_000] = bytes(30_000)
    log.write_bytes(data)
    os.utime(log, (1.6e9, 1.6e9))
    assert read_all(tails, log) == [log]
    assert live.reached(log)[0] == len(data)


def test_a_log_of_nothing_but_damage_is_passed_in_pieces(
    live: LiveIndexer, tails: Tails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (indexing, living, tailing):
        monkeypatch.setattr(module, "PIECE_BYTES", 1 << 20)
    log = log_of(tmp_path / "logs", records=100)
    begin = log.stat().st_size
    with open(log, "ab") as file:
        file.truncate(8 << 20)  # zeros, which take no place
        file.seek(0, os.SEEK_END)
        file.write(b"x" * 100_000)
    os.utime(log, (1.6e9, 1.6e9))
    tails.note([log])
    offsets = []
    while tails:
        tails.work(0)
        offsets.append(live.reached(log)[0])
    assert all(later - earlier <= (1 << 20) + 65_536 for earlier, later in pairwise(offsets))
    assert len(offsets) >= 8
    live.close()
    (lost,) = LiveIndexer(live.path).connection.execute("SELECT lost_bytes FROM logs").fetchone()
    assert lost >= (8 << 20) - begin
    assert all_of(live, tmp_path, log)


def test_a_log_that_shrinks_is_told_of_until_its_end_is_back(live: LiveIndexer, tails: Tails, tmp_path: Path) -> None:
    log = plain_log_of(tmp_path / "logs")
    whole = log.read_bytes()
    read_all(tails, log)
    log.write_bytes(whole[:50_000])
    assert read_all(tails, log) == [log]
    assert f"has shrunk from {len(whole):,} to 50,000 bytes" in tails.errors[log]
    assert live.reached(log)[0] <= 50_000
    with closing(LiveIndexer(tmp_path / "left.db")) as left:
        assert left.catch_up(log)
        assert left.reached(log) == live.reached(log)
    log.write_bytes(whole)
    assert read_all(tails, log) == [log]
    assert tails.errors == {}
    assert all_of(live, tmp_path, log)


@pytest.mark.parametrize("records", [30, 5000])
def test_a_log_replaced_by_another_of_the_same_name_is_that_other(
    records: int, live: LiveIndexer, tails: Tails, tmp_path: Path
) -> None:
    log = log_of(tmp_path / "logs", records=900)
    read_all(tails, log)
    other = write_log(tmp_path / "other", [*plain_rows(range(records)), exit_record()], "r1", "r1", started=5000.0)
    os.replace(other, log)
    assert read_all(tails, log) == [log]
    assert tails.errors == {}
    assert all_of(live, tmp_path, log)


def test_a_run_directory_moved_while_it_is_read_is_read_on_where_it_is(
    live: LiveIndexer, tails: Tails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (indexing, living, tailing):
        monkeypatch.setattr(module, "PIECE_BYTES", SMALL_PIECE)
    log = plain_log_of(tmp_path / "logs")
    tails.note([log])
    tails.work(0)
    assert 0 < live.reached(log)[0] < log.stat().st_size
    moved = tmp_path / "sorted" / log.parent.name / log.name
    moved.parent.parent.mkdir()
    log.parent.rename(moved.parent)
    assert read_all(tails, moved) == [moved]
    assert tails.take_gone() == [log]
    live.forget(log)
    assert all_of(live, tmp_path, moved)


def test_a_tree_that_is_away_for_a_while_is_not_forgotten(
    live: LiveIndexer, tails: Tails, tmp_path: Path, clock: Clock
) -> None:
    log = log_of(tmp_path / "logs")
    read_all(tails, log)
    (tmp_path / "logs").rename(tmp_path / "away")
    assert read_all(tails, log) == []
    assert tails.take_gone() == []
    assert "what the index knows of it stays" in tails.errors[log]
    (tmp_path / "away").rename(tmp_path / "logs")
    clock.now += RETRY_SECONDS
    assert tails.work(1) == [log]
    assert tails.errors == {}
    assert all_of(live, tmp_path, log)


def test_a_file_where_a_folder_was_means_that_the_logs_below_are_gone(tails: Tails, tmp_path: Path) -> None:
    log = log_of(tmp_path / "logs")
    read_all(tails, log)
    shutil.rmtree(log.parent)
    log.parent.write_text("a file")
    assert read_all(tails, log) == []
    assert tails.take_gone() == [log]


HOSTILE = [
    "new\nline",
    "sp ace",
    "quo'te\"s",
    "%s%n",
    "-rf",
    "ünï",
    "back\\slash",
    "run-x.wandb",
    "\x1b[31m",
    "a" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_log_of_any_name_is_read(name: str, live: LiveIndexer, tails: Tails, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / name / "wandb" / "offline-run-20240101_000000-x"
    folder.mkdir(parents=True)
    log = write(folder / f"run-{name}.wandb", [header(), run("r1"), *plain_rows(range(5)), exit_record()])
    assert read_all(tails, log) == [log]
    assert live.reached(log)[0] == log.stat().st_size


def test_a_name_that_is_no_text_is_told_of_and_holds_up_no_other(tails: Tails, tmp_path: Path) -> None:
    good = log_of(tmp_path / "logs")
    folder = tmp_path / os.fsdecode(b"caf\xe9") / "wandb" / "run-1"
    folder.mkdir(parents=True)
    odd = folder / "run-x.wandb"
    shutil.copy(good, odd)
    assert read_all(tails, odd, good) == [good]
    assert "rename it" in tails.errors[odd]


@pytest.fixture
def quick_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_module, "SCAN_SECONDS", 0.05)
    monkeypatch.setattr(daemon_module, "SCAN_SHARE", 1.0)
    monkeypatch.setattr(daemon_module, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(daemon_module, "RETRY_SECONDS", 0.1)


def is_indexed(log: Path) -> Callable[[dict[str, Any]], bool]:
    def condition(status: dict[str, Any]) -> bool:
        sizes = {one["path"]: one["indexed_bytes"] for one in status["logs"]}
        return sizes.get(str(log)) == log.stat().st_size

    return condition


def test_a_full_disk_under_the_index_is_said_and_what_was_logged_comes_when_there_is_room(
    tmp_path: Path, small_disk: SmallDisk, quick_daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_disk.place / "home"
    monkeypatch.setenv("RUNSTORE_HOME", str(home))
    (tmp_path / "runs").mkdir()
    with daemon_in_thread(home, tmp_path / "runs") as daemon:
        first = log_of(tmp_path / "runs", "first", 100)
        status_once(daemon, is_indexed(first))
        keys = [f"k{n}" for n in range(30)]
        rows = plain_rows(range(700), keys)
        many = [write_log(tmp_path / "runs", [*rows, exit_record()], f"n{n}", f"n{n}") for n in range(8)]
        status = status_once(daemon, lambda status: "index.db" in "".join(status["errors"]))
        assert "the disk is full" in "".join(status["errors"].values())
        small_disk.remount("size=200m")
        for log in many:
            status_once(daemon, is_indexed(log))
        status_once(daemon, lambda status: status["errors"] == {})
    assert dump(home / "index.db") == indexed(tmp_path / "at_once.db", tmp_path / "runs")


def test_logs_on_a_disk_that_became_read_only_are_read_all_the_same(
    tmp_path: Path, small_disk: SmallDisk, quick_daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    first = log_of(small_disk.place, "first", 300)
    with daemon_in_thread(tmp_path / "home", small_disk.place) as daemon:
        status_once(daemon, is_indexed(first))
        second = log_of(small_disk.place, "second", 300)
        small_disk.remount("ro")
        assert status_once(daemon, is_indexed(second))["errors"] == {}
        small_disk.remount("rw")
        third = log_of(small_disk.place, "third", 300)
        status_once(daemon, is_indexed(third))


def test_a_stop_in_the_midst_of_a_long_log_leaves_the_rest_for_later(
    tmp_path: Path, quick_daemon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    for module in (indexing, living, tailing):
        monkeypatch.setattr(module, "PIECE_BYTES", SMALL_PIECE)
    monkeypatch.setattr(intake, "READ_SECONDS", 0.0)
    log = write_log(tmp_path / "runs", plain_rows(range(8_000)), "long", "long")
    size = log.stat().st_size
    pieces, stopped = 0, threading.Event()
    advance, stop = LiveIndexer.advance, Daemon.stop

    def waiting(self: LiveIndexer, logs: Iterable[Path], *limits: float) -> Advances:
        nonlocal pieces
        pieces += 1
        assert pieces < 3 or stopped.wait(timing.PATIENCE_SECONDS)  # in the midst of it
        return advance(self, logs, *limits)

    def stopping(self: Daemon) -> None:
        stop(self)
        stopped.set()

    monkeypatch.setattr(LiveIndexer, "advance", waiting)
    monkeypatch.setattr(Daemon, "stop", stopping)
    with daemon_in_thread(tmp_path / "home", tmp_path / "runs") as daemon:
        waits_for(daemon, lambda logs: any(0 < one["indexed_bytes"] < size for one in logs.values()))
    with closing(LiveIndexer()) as indexer:
        assert 0 < indexer.reached(log)[0] < size
        assert not isinstance(indexer.advance([log])[log], Exception)
        indexer.catch_up(log)
    assert dump(tmp_path / "home" / "index.db") == indexed(tmp_path / "at_once.db", log)
