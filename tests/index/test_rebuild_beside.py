"""An index that is built anew while others use it, and one that is compared with its logs."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from runstore.errors import IndexUnusable, NotALog
from runstore.index.database import open_index
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.index.upkeep import renewal
from runstore.index.upkeep.check import check
from runstore.index.upkeep.rebuild import logs_to_index, rebuild
from tests.index.dump import dump
from tests.index.test_kills import forked
from tests.index.writing import exit_record, mixed_bodies, plain_rows, row, write_log
from tests.timing import eventually


def an_index(folder: Path) -> Path:
    """Return an index of four logs: two below a remembered folder, two that were only looked at once."""
    index = folder / "i.db"
    with closing(Indexer(index)) as indexer:
        for number, place in enumerate(("root", "root", "beside", "beside")):
            bodies = [*mixed_bodies(number, 300), exit_record()]
            indexer.catch_up(write_log(folder / place, bodies, f"{number}", f"r{number // 2}", started=1000.0 + number))
        indexer.add_root(folder / "root")
    return index


def spoil(index: Path, statement: str) -> None:
    with closing(open_index(index)) as connection:
        connection.execute(statement)


def test_a_rebuilt_index_says_the_same_and_knows_the_same_places(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    expected = dump(index)
    spoil(index, "DELETE FROM chunks")
    spoil(index, "UPDATE logs SET last_step = 7")
    pieces: list[int] = []
    done = rebuild(index, pieces.append)
    assert (done.logs, done.unreadable) == (4, [])
    assert sum(pieces) == sum(log.stat().st_size for log in logs_to_index(index))
    assert dump(index) == expected
    with closing(Indexer(index)) as indexer:
        assert indexer.roots() == [tmp_path / "root"]
    assert sorted(path.name for path in tmp_path.glob("i.db*")) == ["i.db", "i.db.lock", "i.db.rebuilding"]


def test_what_is_no_log_any_more_is_said_by_a_rebuild(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    log = logs_to_index(index)[0]
    log.write_bytes(b"something else" * 100)
    (error,) = rebuild(index).unreadable
    assert isinstance(error, NotALog)
    assert str(log) in str(error)


def test_a_reader_sees_the_old_index_or_the_new_one_and_nothing_between(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    query = "SELECT (SELECT sum(n) FROM chunks), (SELECT count(*) FROM logs), (SELECT sum(last_step) FROM runs)"
    with closing(open_index(index)) as connection:
        expected = connection.execute(query).fetchone()
    seen, stop = [], threading.Event()

    def read() -> None:
        with closing(open_index(index)) as connection:
            while not stop.is_set():
                seen.append(connection.execute(query).fetchone())

    def read_often_while_rebuilt() -> bool:
        rebuild(index)
        return len(seen) > 100

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(4):
        rebuild(index)
    eventually(read_often_while_rebuilt)
    stop.set()
    for reader in readers:
        reader.join()
    assert set(seen) == {expected}


@pytest.mark.parametrize("kind", [Indexer, LiveIndexer])
def test_an_indexer_that_is_open_meanwhile_goes_on_with_the_new_index(kind: type[Indexer], tmp_path: Path) -> None:
    index = tmp_path / "i.db"
    log = write_log(tmp_path, plain_rows(range(50)))
    other = write_log(tmp_path, plain_rows(range(50), ("other",)), "b", "r2")
    with closing(kind(index)) as indexer:
        indexer.catch_up(other)  # so that the rebuilt index numbers them differently
        indexer.catch_up(log)
        rebuild(index)
        for path in (log, other):
            with path.open("ab") as file:
                file.write(_framed(path, row(100, {"loss": 1.5})))
            indexer.catch_up(path)
        assert not indexer.connection.is_replaced
    with closing(Indexer(index)) as indexer:
        indexer.catch_up_known()
    with closing(Indexer(tmp_path / "good.db")) as indexer:
        indexer.catch_up_below(tmp_path)
    assert dump(index) == dump(tmp_path / "good.db")


def _framed(log: Path, body: bytes) -> bytes:
    from runstore.runlog.framing import frame

    return frame(body, log.stat().st_size)


def test_a_rebuild_that_is_killed_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    expected = dump(index)
    source = random.Random(3)
    for _ in range(15):
        child = forked(lambda: rebuild(index))
        time.sleep(source.random() * 0.15)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert dump(index) == expected
    rebuild(index)
    assert dump(index) == expected
    assert not list(tmp_path.glob("i.db.rebuild"))


def test_of_two_rebuilds_at_once_the_second_is_refused(tmp_path: Path) -> None:
    index = an_index(tmp_path)

    def again(_: int) -> None:
        with pytest.raises(IndexUnusable, match="being built anew by another process already"):
            rebuild(index)

    rebuild(index, again)


def test_an_index_that_says_what_its_logs_say_passes_its_check(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    with closing(LiveIndexer(index)) as indexer:  # sealed chunks hold the same points
        for log in logs_to_index(index):
            indexer.seal(1 + logs_to_index(index).index(log))
    pieces: list[int] = []
    done = check(index, pieces.append)
    assert (done.logs, done.differing, done.left_out, done.damage) == (4, {}, [], [])
    assert sum(pieces) > 0
    assert not list(tmp_path.glob("check-*"))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM console WHERE rowid = (SELECT max(rowid) FROM console)", ["console"]),
        ("UPDATE history_values SET value = '1' WHERE rowid = (SELECT max(rowid) FROM history_values)", []),
        ("DELETE FROM chunks WHERE series = 3", ["points"]),
        ("UPDATE series SET key = 'renamed' WHERE id = 1", ["points"]),
        ("UPDATE logs SET lost_bytes = 9 WHERE id = 1", ["logs"]),
        ("UPDATE runs SET summary = '{}' WHERE id = 1", ["runs"]),
        ("DELETE FROM series WHERE id = 2", ["points"]),
    ],
)
def test_a_check_finds_whatever_differs(statement: str, what: list[str], tmp_path: Path) -> None:
    index = an_index(tmp_path)
    spoil(index, statement)
    (differing,) = check(index).differing.values()
    assert differing == (what or ["history_values"])


def test_a_check_leaves_out_logs_that_are_gone(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    (tmp_path / "beside").rename(tmp_path / "away")
    done = check(index)
    assert len(done.left_out) == 2
    assert done.differing == {}


def test_every_table_is_compared_or_left_out_for_a_reason(tmp_path: Path) -> None:
    """A new table that names its log or its run in another way would not be compared."""
    from runstore.index.upkeep.compare import BOOKKEEPING

    with closing(open_index(tmp_path / "i.db")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE TABLE%'").fetchall()
        for (table,) in tables:
            if table.startswith("sqlite_"):
                continue
            columns = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
            compared = columns & {"log", "run", "collection"} or table in ("logs", "runs", "chunks", "collections")
            assert compared or table in BOOKKEEPING, table


def test_numbers_of_logs_are_never_given_twice(tmp_path: Path) -> None:
    index = an_index(tmp_path)
    with closing(open_index(index)) as connection:
        carried = renewal.carried_from(connection)
        assert carried.last_log_id == 4
    rebuild(index)
    with closing(open_index(index)) as connection:
        assert connection.execute("SELECT min(id) FROM logs").fetchone() == (5,)
