"""Short logs are indexed many in a transaction, and what is wrong with one of them is no matter to the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from runstore.index import indexer as indexing
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from tests.index.writing import dump, exit_record, indexed, log_path, mixed_bodies, plain_rows, write, write_log

BOTH = pytest.mark.parametrize("kind", [Indexer, LiveIndexer])
Opened = Callable[[Path], Indexer]


def tiny_logs(folder: Path, count: int) -> list[Path]:
    """Write logs of which the runs of some have ended."""
    logs = []
    for number in range(count):
        ending = [exit_record()] if number % 3 else []
        bodies = [*plain_rows(range(5), seed=number), *mixed_bodies(number, 10), *ending]
        logs.append(write_log(folder, bodies, f"t{number}", f"t{number}"))
    return logs


def one_by_one(index: Path, logs: list[Path]) -> str:
    indexer = Indexer(index)
    for log in logs:
        indexer.catch_up(log)
    indexer.close()
    return dump(index)


@BOTH
def test_many_short_logs_share_transactions(kind: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "LOCKED_SECONDS", 60.0)
    logs = tiny_logs(tmp_path, 120)
    indexer = kind(tmp_path / "a.db")
    statements: list[str] = []
    indexer.connection.set_trace_callback(statements.append)
    sizes: list[int] = []
    assert indexer.catch_up_below(tmp_path, sizes.append) == []
    indexer.connection.set_trace_callback(None)
    indexer.close()
    assert len([statement for statement in statements if statement == "COMMIT"]) == 4  # 100, 20, collections, folders
    assert sum(sizes) == sum(log.stat().st_size for log in logs)
    assert dump(tmp_path / "a.db") == one_by_one(tmp_path / "b.db", logs)


@BOTH
def test_a_transaction_that_lasts_long_ends_after_the_log_it_is_at(
    kind: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "LOCKED_SECONDS", 0.0)
    logs = tiny_logs(tmp_path, 5)
    indexer = kind(tmp_path / "a.db")
    sizes: list[int] = []
    assert indexer.catch_up_all(logs, sizes.append) == {}
    indexer.close()
    assert sizes == [log.stat().st_size for log in logs]


@BOTH
def test_a_long_log_among_short_ones_is_taken_in_pieces(
    kind: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("indexer", "live"):
        monkeypatch.setattr(f"runstore.index.{module}.PIECE_BYTES", 2000)
    logs = tiny_logs(tmp_path, 6)
    logs.insert(3, write_log(tmp_path, plain_rows(range(300)), "long", "long"))
    indexer = kind(tmp_path / "a.db")
    assert indexer.catch_up_all(logs) == {}
    indexer.close()
    assert dump(tmp_path / "a.db") == one_by_one(tmp_path / "b.db", logs)


@BOTH
def test_what_is_no_log_or_gone_does_not_hold_up_the_others(kind: Opened, tmp_path: Path) -> None:
    logs = tiny_logs(tmp_path / "runs", 6)
    indexer = kind(tmp_path / "a.db")
    indexer.catch_up(logs[1])
    logs[1].write_bytes(b"what was a log before and is none now")
    logs[2].unlink()
    failed = indexer.catch_up_all(logs)
    indexer.close()
    assert {path: type(error).__name__ for path, error in failed.items()} == {logs[1]: "NotALog", logs[2]: "NotFound"}
    good = [log for log in logs if log not in failed]
    assert dump(tmp_path / "a.db") == one_by_one(tmp_path / "b.db", good)


def test_an_error_of_the_database_leaves_none_of_the_logs_it_was_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tiny_logs(tmp_path / "runs", 6)
    indexer = Indexer(tmp_path / "a.db")
    update_run = indexing_update_run()

    def failing(connection: sqlite3.Connection, log: int, fold: object) -> None:
        if log == 4:
            raise sqlite3.OperationalError("made up")
        update_run(connection, log, fold)

    monkeypatch.setattr("runstore.index.onerun.update_run", failing)
    monkeypatch.setattr(indexing, "LOCKED_SECONDS", 60.0)
    with pytest.raises(sqlite3.OperationalError, match="made up"):
        indexer.catch_up_all(logs)
    assert indexer.connection.execute("SELECT count(*) FROM logs").fetchone() == (0,)
    monkeypatch.undo()
    assert indexer.catch_up_all(logs) == {}
    indexer.close()
    assert dump(tmp_path / "a.db") == indexed(tmp_path / "b.db", tmp_path / "runs")


def indexing_update_run() -> Callable[..., None]:
    from runstore.index.onerun import update_run

    return update_run


def test_another_log_in_the_place_of_a_short_one_takes_its_place(tmp_path: Path) -> None:
    logs = tiny_logs(tmp_path / "runs", 4)
    indexer = Indexer(tmp_path / "a.db")
    assert indexer.catch_up_below(tmp_path / "runs") == []
    logs[0].unlink()
    other = write_log(tmp_path / "other", plain_rows(range(9), seed=99), "x", "x", started=5.0)
    other.rename(logs[0])
    write(log_path(tmp_path / "runs", "new", "new"), [])
    assert indexer.catch_up_below(tmp_path / "runs") == []
    indexer.close()
    assert dump(tmp_path / "a.db") == indexed(tmp_path / "b.db", tmp_path / "runs")
