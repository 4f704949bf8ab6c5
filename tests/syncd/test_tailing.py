"""Many logs are read side by side: the live before the old, the short before the long, and none holds up another."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runstore.index import indexer as indexing
from runstore.index import live as living
from runstore.index.live import LiveIndexer
from runstore.syncd import tailing
from runstore.syncd.tailing import LONGEST_RETRY_SECONDS, Tails
from tests.index.writing import dump, exit_record, indexed, mixed_bodies, plain_rows, write_log
from tests.syncd.faults import FaultyDisk
from tests.timing import Clock

SMALL_PIECE = 20_000
LONG_AGO = time.time() - 86_400


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (indexing, living, tailing):
        monkeypatch.setattr(module, "PIECE_BYTES", SMALL_PIECE)


def log_of(folder: Path, name: str, rows: int, *, is_old: bool = False, has_ended: bool = True) -> Path:
    path = write_log(folder, [*plain_rows(range(rows)), *([exit_record()] if has_ended else [])], name, name)
    if is_old:
        os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def one_turn(tails: Tails) -> list[Path]:
    return tails.work(0)


def read_all(tails: Tails) -> list[Path]:
    looked_at = tails.work(1000)
    assert not tails
    return looked_at


def reached(live: LiveIndexer, log: Path) -> int:
    return live.reached(log)[0]


def test_what_is_read_in_turns_is_what_is_read_at_once(
    live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None
) -> None:
    logs = [write_log(tmp_path / "logs", [*mixed_bodies(n, 700), exit_record()], f"n{n}", f"r{n}") for n in range(4)]
    logs += [log_of(tmp_path / "logs", f"short{n}", n, is_old=n % 2 == 0) for n in range(9)]
    tails.note(logs)
    assert len(tails) == len(logs)
    seen = set()
    while tails:
        seen |= set(one_turn(tails))
    assert seen == set(logs)
    assert tails.errors == {}
    assert dump(live.path) == indexed(tmp_path / "at_once.db", tmp_path / "logs")


def test_a_live_log_comes_before_old_ones_that_were_noted_first(
    live: LiveIndexer, tails: Tails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "MOST_TOGETHER", 5)
    old = [log_of(tmp_path, f"old{n}", 3, is_old=True) for n in range(30)]
    fresh = log_of(tmp_path, "fresh", 3, has_ended=False)
    tails.note([*old, fresh])
    first = one_turn(tails)
    assert first[0] == fresh
    assert len(first) == 6
    assert set(read_all(tails)) == set(old) - set(first)


def test_a_long_log_holds_up_nobody(live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None) -> None:
    long = log_of(tmp_path, "long", 4000)
    tails.note([long])
    one_turn(tails)
    for n in range(5):
        before = reached(live, long)
        other = log_of(tmp_path, f"other{n}", 5, is_old=n % 2 == 0)
        tails.note([other])
        assert set(one_turn(tails)) == {other, long}
        assert reached(live, other) == other.stat().st_size
        assert before < reached(live, long) <= before + SMALL_PIECE + 32_768
    assert reached(live, long) < long.stat().st_size
    read_all(tails)
    assert reached(live, long) == long.stat().st_size


def test_long_logs_take_turns(live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None) -> None:
    logs = [log_of(tmp_path, f"long{n}", 2000) for n in range(3)]
    tails.note(logs)
    for _ in range(2):
        assert {path for _ in logs for path in one_turn(tails)} == set(logs)
    offsets = [reached(live, log) for log in logs]
    assert max(offsets) - min(offsets) < SMALL_PIECE
    assert min(offsets) > SMALL_PIECE


def test_short_logs_that_keep_coming_do_not_starve_a_long_one(
    live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "MOST_TOGETHER", 2)
    long = log_of(tmp_path, "long", 1000)
    tails.note([long])
    turns = 0
    while reached(live, long) < long.stat().st_size:
        tails.note([log_of(tmp_path, f"short{turns}-{n}", 1) for n in range(3)])
        one_turn(tails)
        turns += 1
        assert turns <= long.stat().st_size / SMALL_PIECE + 2
    assert len(tails) > 0


def test_work_comes_back_when_its_time_is_over_and_goes_on_later(
    live: LiveIndexer, tmp_path: Path, small_pieces: None
) -> None:
    class Hurrying(Clock):
        def __call__(self) -> float:
            self.now += 0.01
            return self.now

    tails = Tails(live, Hurrying())
    long = log_of(tmp_path, "long", 4000)
    tails.note([long])
    rounds = 0
    while tails:
        before = reached(live, long)
        assert tails.work(0.1) == [long]
        assert reached(live, long) - before < 12 * SMALL_PIECE
        rounds += 1
    assert rounds > 2
    assert reached(live, long) == long.stat().st_size


def test_a_stop_is_seen_after_one_piece(live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None) -> None:
    logs = [log_of(tmp_path, f"long{n}", 2000) for n in range(3)]
    tails.note(logs)
    one_turn(tails)
    asked = iter([False, False, False, True])
    assert len(tails.work(1000, lambda: next(asked))) == 1
    assert sum(reached(live, log) for log in logs) <= 2 * (SMALL_PIECE + 32_768)
    assert len(tails) == 3


def test_a_log_that_was_noted_and_has_not_changed_is_returned_all_the_same(tails: Tails, tmp_path: Path) -> None:
    log = log_of(tmp_path, "one", 5)
    tails.note([log])
    assert read_all(tails) == [log]
    tails.note([log, log])  # a file of the run has changed, maybe
    assert read_all(tails) == [log]
    assert tails.work(1) == []


def test_what_is_no_log_is_told_once_and_not_read_again_before_it_changes(
    tails: Tails, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = log_of(tmp_path / "elsewhere", "r", 5)
    place = log_of(tmp_path, "r", 5)
    place.write_bytes(b"no log at all, but long enough to be one")
    disk = FaultyDisk(monkeypatch)
    tails.note([place])
    assert read_all(tails) == []
    assert "is not a run log" in tails.errors[place]
    before = disk.opened
    for _ in range(20):
        tails.note([place])
        assert read_all(tails) == []
    assert disk.opened == before
    clock.now += LONGEST_RETRY_SECONDS
    assert tails.work(0) == []
    assert disk.opened > before
    place.write_bytes(good.read_bytes())
    tails.note([place])
    assert read_all(tails) == [place]
    assert tails.errors == {}


def test_a_log_that_is_gone_is_said_to_be_gone_once(tails: Tails, tmp_path: Path) -> None:
    stays, goes = log_of(tmp_path, "stays", 3), log_of(tmp_path, "goes", 3, has_ended=False)
    tails.note([stays, goes])
    read_all(tails)
    goes.unlink()
    tails.note([stays, goes])
    assert read_all(tails) == [stays]
    assert tails.take_gone() == [goes]
    assert tails.take_gone() == []
    assert tails.errors == {}


def test_a_log_whose_folder_is_away_is_gone_once_the_index_has_forgotten_it(
    live: LiveIndexer, tails: Tails, tmp_path: Path
) -> None:
    log = log_of(tmp_path / "root" / "run", "one", 3)
    tails.note([log])
    read_all(tails)
    (tmp_path / "root").rename(tmp_path / "moved")
    tails.note([log])
    assert read_all(tails) == []
    assert (list(tails.errors), tails.take_gone()) == ([log], [])
    live.forget(log)  # by whoever found another folder in the place of the root
    tails.note([log])
    assert read_all(tails) == []
    assert (tails.errors, tails.take_gone()) == ({}, [log])


def test_a_log_whose_path_is_not_utf8_is_said_and_holds_up_nobody(tails: Tails, tmp_path: Path) -> None:
    unfit, log = tmp_path / "a\udcff" / "run-a.wandb", log_of(tmp_path, "one", 3)
    unfit.parent.mkdir()
    unfit.write_bytes(log.read_bytes())
    for _ in range(2):
        tails.note([unfit, log])
        assert read_all(tails) == [log]
        assert "not UTF-8" in tails.errors[unfit]


def test_a_log_that_is_forgotten_is_not_read(tails: Tails, tmp_path: Path) -> None:
    log = log_of(tmp_path, "one", 3)
    tails.note([log])
    tails.forget(log)
    assert not tails
    assert tails.work(1) == []


def test_what_another_process_indexed_meanwhile_is_gone_on_with(
    live: LiveIndexer, tails: Tails, tmp_path: Path, small_pieces: None
) -> None:
    long = log_of(tmp_path / "logs", "long", 3000)
    tails.note([long])
    one_turn(tails)
    one_turn(tails)
    other = indexing.Indexer(live.path)
    other.catch_up(long)
    other.close()
    read_all(tails)
    assert dump(live.path) == indexed(tmp_path / "at_once.db", tmp_path / "logs")


def test_logs_go_on_waiting_when_the_index_is_another_one(tails: Tails, tmp_path: Path, small_pieces: None) -> None:
    logs = [log_of(tmp_path / "logs", f"n{n}", 800) for n in range(3)]
    tails.note(logs)
    one_turn(tails)
    fresh = LiveIndexer(tmp_path / "fresh.db")
    tails.use(fresh)
    tails.note(logs)
    read_all(tails)
    fresh.close()
    assert dump(fresh.path) == indexed(tmp_path / "at_once.db", tmp_path / "logs")


def test_finished_runs_cost_nothing_and_live_ones_a_few_calls_each(
    live: LiveIndexer, tails: Tails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk(monkeypatch)
    killed = [log_of(tmp_path, f"killed{n}", 2, is_old=True, has_ended=False) for n in range(40)]
    finished = [log_of(tmp_path, f"finished{n}", 2) for n in range(40)]
    running = [log_of(tmp_path, f"running{n}", 2, has_ended=False) for n in range(10)]
    tails.note([*killed, *finished, *running])
    read_all(tails)
    assert [log for log in (*killed, *finished, *running) if live.is_in_memory(log)] == running
    disk.looked = disk.opened = 0
    for _ in range(10):  # nothing was noted
        assert tails.work(1) == []
        live.write_due()
    assert (disk.looked, disk.opened) == (0, 0)
    tails.note(running)  # they have not grown
    assert read_all(tails) == running
    assert disk.looked <= 4 * len(running)
    assert disk.opened == 0
    assert disk.now_open == 0
