"""An indexer that stays writes seldom, loses nothing, and says the same as one that writes at once."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.errors import NotALog, NotFound
from runstore.index import indexer as indexing
from runstore.index import live as living
from runstore.index.indexer import Indexer
from runstore.index.live import WRITE_ROWS, WRITE_SECONDS, Advance, LiveIndexer
from runstore.runlog.reader import LogReader
from tests.index.writing import dump, exit_record, indexed, log_path, mixed_bodies, plain_rows, row, write_log
from tests.timing import Clock


@pytest.fixture
def live(tmp_path: Path, clock: Clock) -> Iterator[LiveIndexer]:
    indexer = LiveIndexer(tmp_path / "live.db", clock)
    yield indexer
    indexer.close()


class Growing:
    """A log that grows by the records of another one."""

    def __init__(self, whole: Path, path: Path) -> None:
        self.path = path
        self._data = whole.read_bytes()
        self._ends = [framed.end for framed in LogReader(whole)]
        self._at = 0

    def __bool__(self) -> bool:
        return bool(self._ends)

    def grow(self, records: int) -> Path:
        for end in self._ends[:records][-1:]:
            with open(self.path, "ab") as file:
                file.write(self._data[self._at : end])
            self._at = end
        del self._ends[:records]
        return self.path


def growing(folder: Path, bodies: list[bytes], run_id: str = "r1") -> Growing:
    whole = write_log(folder / "whole", bodies, run_id=run_id)
    return Growing(whole, log_path(folder / "logs", run_id=run_id))


def offset_in(index: Path) -> int:
    (found,) = Indexer(index).connection.execute("SELECT max(indexed) FROM logs").fetchone()
    return int(found or 0)


def test_new_rows_wait_until_there_are_many_or_they_waited_long(
    live: LiveIndexer, clock: Clock, tmp_path: Path
) -> None:
    log = growing(tmp_path, plain_rows(range(2 * WRITE_ROWS)))
    live.catch_up(log.grow(3))
    first = log.path.stat().st_size
    assert offset_in(live.path) == first  # the first row is known to all at once
    for _ in range(WRITE_ROWS - 1):
        assert live.catch_up(log.grow(1))
    assert offset_in(live.path) == first
    assert live.reached(log.path) == (log.path.stat().st_size, 2 + WRITE_ROWS)
    live.catch_up(log.grow(1))
    assert offset_in(live.path) == log.path.stat().st_size
    live.catch_up(log.grow(1))
    clock.now += WRITE_SECONDS - 1
    live.write_due()
    assert offset_in(live.path) < log.path.stat().st_size
    clock.now += 1
    live.write_due()
    assert offset_in(live.path) == log.path.stat().st_size
    assert not live.catch_up(log.path)


def test_the_end_of_a_log_is_written_at_once_and_the_rest_when_the_indexer_closes(tmp_path: Path, clock: Clock) -> None:
    ended = growing(tmp_path / "a", [*plain_rows(range(9)), exit_record()])
    open_one = growing(tmp_path / "b", plain_rows(range(9)), "r2")
    live = LiveIndexer(tmp_path / "live.db", clock)
    for log in (ended, open_one):
        live.catch_up(log.grow(3))
        live.catch_up(log.grow(9))
    known = dict(live.connection.execute("SELECT path, indexed FROM logs"))
    assert known[str(ended.path)] == ended.path.stat().st_size
    assert known[str(open_one.path)] < open_one.path.stat().st_size
    live.close()
    assert dump(live.path) == indexed(tmp_path / "i.db", tmp_path / "a" / "logs", tmp_path / "b" / "logs")


@pytest.mark.parametrize("seed", range(4))
def test_whoever_writes_when_and_seals_what_all_say_the_same(seed: int, tmp_path: Path, clock: Clock) -> None:
    source = random.Random(seed)
    logs = [growing(tmp_path / f"{n}", [*mixed_bodies(seed + n, 2500), exit_record()], f"r{n}") for n in range(2)]
    index = tmp_path / "live.db"
    live, other = LiveIndexer(index, clock), Indexer(index)
    while any(logs):
        log = source.choice([log for log in logs if log])
        live.catch_up(log.grow(source.choice((1, 3, 30, 300, 2000))))
        what = source.random()
        if what < 0.1:
            other.catch_up(log.path)
        elif what < 0.2:
            clock.now += WRITE_SECONDS
            live.write_due()
        elif what < 0.3:
            seal_all(other)
        elif what < 0.35:
            live.close()
            live = LiveIndexer(index, clock)
    live.close()
    assert dump(index) == indexed(tmp_path / "at_once.db", *(log.path for log in logs))


def seal_all(indexer: Indexer) -> None:
    for (log,) in indexer.connection.execute("SELECT id FROM logs").fetchall():
        indexer.seal(log)


def test_a_live_indexer_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    source = random.Random(9)
    log = growing(tmp_path, [*mixed_bodies(5, 900), exit_record()])
    index = tmp_path / "live.db"
    killed = 0
    while log or killed < 12:
        log.grow(source.randrange(200))
        killed += index_until_killed(index, log.path, source.randrange(1, 4000))
    LiveIndexer(index).catch_up(log.path)
    assert dump(index) == indexed(tmp_path / "undisturbed.db", log.path)


def index_until_killed(index: Path, log: Path, instructions: int) -> bool:
    """Index and seal in a child that kills itself after so many steps of SQLite's machine; return whether it did."""
    child = os.fork()
    if child == 0:
        try:
            live = LiveIndexer(index, clock := Clock())
            live.connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), instructions)
            live.catch_up(log)
            clock.now += WRITE_SECONDS
            live.write_due()
            seal_all(live)
            live.connection.set_progress_handler(None, 0)
        except BaseException:
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


def test_chunks_of_an_ended_log_are_merged_and_packed(live: LiveIndexer, tmp_path: Path, clock: Clock) -> None:
    log = growing(tmp_path, [row(n, {"a": n / 3}) for n in range(9000)] + [exit_record()])
    while log:
        live.catch_up(log.grow(100))
        clock.now += WRITE_SECONDS
        live.write_due()
    before = dump(live.path)
    assert not live.seal_for(60)
    shapes = live.connection.execute(
        "SELECT n, form FROM chunks JOIN series ON series = series.id WHERE key = 'a' ORDER BY place"
    ).fetchall()
    assert shapes == [(9000, "dz")]
    assert dump(live.path) == before


def test_a_sealed_log_that_grows_again_goes_on_where_it_was(live: LiveIndexer, tmp_path: Path, clock: Clock) -> None:
    log = growing(tmp_path, plain_rows(range(300)))
    for records in (100, 100, 200):
        live.catch_up(log.grow(records))
        clock.now += WRITE_SECONDS
        live.write_due()
        seal_all(live)
    assert live.connection.execute("SELECT sealed FROM logs").fetchone() == (1,)
    assert dump(live.path) == indexed(tmp_path / "i.db", log.path)


def test_a_log_replaced_by_another_one_is_that_other(tmp_path: Path, clock: Clock) -> None:
    live = LiveIndexer(tmp_path / "live.db", clock)
    log = growing(tmp_path, plain_rows(range(50)))
    live.catch_up(log.grow(20))
    live.catch_up(log.grow(20))
    log.path.unlink()
    assert write_log(tmp_path / "logs", plain_rows(range(100, 190)), started=5000.0) == log.path
    live.catch_up(log.path)
    live.close()
    assert dump(live.path) == indexed(tmp_path / "i.db", log.path)


def test_a_log_that_went_away_holds_up_no_other(live: LiveIndexer, tmp_path: Path, clock: Clock) -> None:
    gone, stays = (growing(tmp_path / f"{n}", plain_rows(range(30)), f"r{n}") for n in range(2))
    for records in (3, 20):
        live.catch_up(gone.grow(records))
        live.catch_up(stays.grow(records))
    gone.path.unlink()
    clock.now += WRITE_SECONDS
    live.write_due()
    assert offset_in(live.path) == stays.path.stat().st_size


def test_what_a_failed_write_left_is_read_again(live: LiveIndexer, tmp_path: Path, clock: Clock) -> None:
    log = growing(tmp_path, plain_rows(range(30)))
    live.catch_up(log.grow(3))
    live.catch_up(log.grow(20))
    live.connection.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON chunks BEGIN SELECT RAISE(ABORT, 'no'); END")
    clock.now += WRITE_SECONDS
    with pytest.raises(Exception, match="no"):
        live.write_due()
    live.connection.execute("DROP TRIGGER full")
    live.write_due()
    assert dump(live.path) == indexed(tmp_path / "i.db", log.path)


def test_more_live_logs_than_are_kept_open_are_all_right(
    live: LiveIndexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "most_open", 2)
    logs = [growing(tmp_path / f"{n}", plain_rows(range(30)), f"r{n}") for n in range(4)]
    for _ in range(4):
        for log in logs:
            live.catch_up(log.grow(9))
    for log in logs:
        Indexer(live.path).catch_up(log.path)
    assert dump(live.path) == indexed(tmp_path / "i.db", *(log.path for log in logs))


def test_a_piece_of_each_log_is_read_at_a_time(
    live: LiveIndexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (indexing, living):
        monkeypatch.setattr(module, "PIECE_BYTES", 20_000)
    long = write_log(tmp_path / "logs", plain_rows(range(2000)), "long", "long")
    short = [write_log(tmp_path / "logs", [*plain_rows(range(3)), exit_record()], f"n{n}", f"r{n}") for n in range(5)]
    gone, odd = long.with_name("run-gone.wandb"), long.with_name("run-odd.wandb")
    odd.write_bytes(b"no log at all, but long enough to be one")
    went = live.advance([*short, gone, odd])
    assert all(went[log] == Advance(is_last=True) for log in short)
    assert isinstance(went[gone], NotFound)
    assert isinstance(went[odd], NotALog)
    rounds = 0
    while live.advance([long])[long] == Advance(is_last=False):
        rounds += 1
        assert live.reached(long)[0] < 20_000 * rounds + 40_000
    assert rounds > 4
    assert live.advance([long]) == {long: Advance(is_last=True)}
    odd.unlink()
    live.close()
    assert dump(live.path) == indexed(tmp_path / "i.db", tmp_path / "logs")


def test_what_time_was_too_short_for_is_not_in_the_answer_but_something_always_is(
    live: LiveIndexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "LOCKED_SECONDS", -1.0)
    logs = {write_log(tmp_path, plain_rows(range(3)), f"n{n}", f"r{n}") for n in range(5)}
    rounds = 0
    while logs:
        went = live.advance(sorted(logs), -1.0)
        assert went
        logs -= set(went)
        rounds += 1
    assert rounds > 1


def test_only_logs_that_grew_lately_are_kept_in_memory(live: LiveIndexer, tmp_path: Path, clock: Clock) -> None:
    old, new = (write_log(tmp_path, plain_rows(range(3)), name, name) for name in ("old", "new"))
    os.utime(old, (1.6e9, 1.6e9))
    live.advance([old, new])
    assert not live.is_in_memory(old)
    assert live.is_in_memory(new)
    os.utime(new, (1.6e9, 1.6e9))
    live.advance([new])
    clock.now += 60
    live.write_due()
    assert not live.is_in_memory(new)
    assert live.seen(new)[:2] == (new.stat().st_size, new.stat().st_size)


def test_a_close_that_has_no_time_leaves_rows_to_the_logs(tmp_path: Path, clock: Clock) -> None:
    live = LiveIndexer(tmp_path / "live.db", clock)
    log = growing(tmp_path, plain_rows(range(30)))
    live.catch_up(log.grow(3))
    before = log.path.stat().st_size
    live.catch_up(log.grow(20))
    live.close(0.0)
    assert offset_in(live.path) == before
    assert dump(live.path) != indexed(tmp_path / "i.db", log.path)
    Indexer(live.path).catch_up(log.path)
    assert dump(live.path) == indexed(tmp_path / "i.db", log.path)


def test_short_logs_that_have_ended_are_as_good_as_sealed(live: LiveIndexer, tmp_path: Path) -> None:
    log = write_log(tmp_path, [*plain_rows(range(5)), exit_record()])
    live.catch_up(log)
    assert not live.seal_for(0.0)
    assert live.connection.execute("SELECT sealed FROM logs").fetchone() == (1,)
