"""What the index knows of receipts: it follows them, and never more than they say."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstore.core.times import iso
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.index.upkeep.check import check
from runstore.index.upkeep.rebuild import rebuild
from runstore.paths import home_folder, receipts_path
from runstore.runlog.codec import log_identity
from runstore.syncd import receipts
from runstore.syncd.receipts import FileStamp, Receipt
from tests.index.dump import dump
from tests.index.writing import exit_record, plain_rows, write_log

CHAIN = "ab" * 32
WHOLE = Receipt("lab", 1000, CHAIN, 12, "2025-01-02T03:04:05+00:00", {"a.txt": FileStamp(3, 17, "cd" * 32)}, {}, 0)
LATER = Receipt("lab", 2000, CHAIN, 24, "2025-01-02T03:04:06+00:00", files_left=2, held=2500, error="no", failed_at="x")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "root", [*plain_rows(range(20)), exit_record()])


def log_id_of(log: Path) -> str:
    identity = log_identity(log)
    assert identity is not None
    return identity.log_id


def save(log: Path, receipt: Receipt, target: str = "hub:1") -> None:
    receipts.save(log, log_id_of(log), target, receipt)


def rows(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    columns = "target, remote, size, chain, records, verified_at, files, file_bytes, files_left, held, error, failed_at"
    return connection.execute(f"SELECT {columns} FROM deliveries ORDER BY log, target").fetchall()


OF_WHOLE = ("hub:1", "lab", 1000, CHAIN, 12, 1735787045.0, 1, 3, 0, 0, "", 0.0)
OF_LATER = ("hub:1", "lab", 2000, CHAIN, 24, 1735787046.0, 0, 0, 2, 2500, "no", 0.0)


@pytest.mark.parametrize("kind", [Indexer, LiveIndexer])
def test_the_receipts_of_a_log_are_known_when_it_is_first_indexed(
    log: Path, tmp_path: Path, kind: type[Indexer]
) -> None:
    save(log, WHOLE)
    save(log, LATER, "hub:2")
    with closing(kind(tmp_path / "i.db")) as indexer:
        indexer.catch_up(log)
        assert rows(indexer.connection) == [OF_WHOLE, ("hub:2", *OF_LATER[1:])]


def test_what_is_proven_later_is_known_when_that_is_told(log: Path, indexer: Indexer) -> None:
    indexer.catch_up(log)
    assert rows(indexer.connection) == []
    save(log, WHOLE)
    indexer.enter_deliveries(log)
    assert rows(indexer.connection) == [OF_WHOLE]
    indexer.enter_deliveries(log.parent / "run-unknown.wandb")


def test_receipts_that_others_changed_are_found_by_a_look_at_all(log: Path, indexer: Indexer, tmp_path: Path) -> None:
    other = write_log(tmp_path / "root", [*plain_rows(range(5))], "other", "other")
    for each in (log, other):
        save(each, WHOLE)
        indexer.catch_up(each)
    save(log, LATER)
    receipts_path(other).unlink()
    indexer.enter_deliveries()
    assert rows(indexer.connection) == [OF_LATER]


def test_what_is_proven_of_a_log_stays_known_while_its_file_system_is_away(log: Path, indexer: Indexer) -> None:
    save(log, WHOLE)
    indexer.catch_up(log)
    away = log.parent.rename(log.parent.with_name("away"))
    indexer.enter_deliveries()
    indexer.enter_deliveries(log)
    assert rows(indexer.connection) == [OF_WHOLE]
    away.rename(log.parent)
    receipts_path(log).unlink()
    indexer.enter_deliveries()
    assert rows(indexer.connection) == []


def test_receipts_at_home_count_and_the_later_proof_wins(log: Path, indexer: Indexer) -> None:
    save(log, WHOLE)
    indexer.catch_up(log)
    at_home = home_folder() / "receipts"
    at_home.mkdir()
    beside = receipts_path(log)
    kept = beside.read_bytes()
    save(log, LATER)
    shutil.move(beside, at_home / f"{log_id_of(log)}.json")
    beside.write_bytes(kept)
    indexer.enter_deliveries()
    assert rows(indexer.connection) == [OF_LATER]


def test_a_log_that_is_forgotten_takes_its_deliveries_along(log: Path, indexer: Indexer) -> None:
    save(log, WHOLE)
    indexer.catch_up(log)
    indexer.forget(log)
    assert rows(indexer.connection) == []


def test_a_log_in_the_place_of_another_has_none_of_its_deliveries(log: Path, indexer: Indexer, tmp_path: Path) -> None:
    save(log, WHOLE)
    indexer.catch_up(log)
    fresh = write_log(tmp_path / "elsewhere", [*plain_rows(range(30))], started=9000.0)
    os.replace(fresh, log)
    indexer.catch_up(log)
    assert rows(indexer.connection) == []


def test_a_rebuild_finds_the_same_deliveries_in_the_receipts(log: Path, tmp_path: Path) -> None:
    index = tmp_path / "i.db"
    save(log, WHOLE)
    with closing(Indexer(index)) as indexer:
        indexer.add_root(log.parent.parent)
        indexer.catch_up(log)
        before = rows(indexer.connection)
        indexer.connection.execute("DELETE FROM deliveries")
    rebuild(index)
    with closing(Indexer(index)) as indexer:
        assert rows(indexer.connection) == before == [OF_WHOLE]


def test_answers_about_runs_and_the_check_do_not_depend_on_receipts(log: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("without.db", "with.db"):
        with closing(Indexer(tmp_path / name)) as indexer:
            indexer.catch_up(log)
        texts.append(dump(tmp_path / name))
        save(log, WHOLE)
    assert texts[0] == texts[1]
    assert check(tmp_path / "without.db").differing == {}


ODD = [
    {"size": 1 << 63},
    {"size": -1},
    {"size": 1e400},
    {"size": "many"},
    {"records": 1 << 80},
    {"held": -5},
    {"files_left": -7},
    {"files": {"a": {"size": 1 << 64, "mtime_ns": 0, "sha256": ""}}},
    {
        "files": {
            "a": {"size": 1 << 62, "mtime_ns": 0, "sha256": ""},
            "b": {"size": 1 << 62, "mtime_ns": 0, "sha256": ""},
        }
    },
    {"verified_at": "yesterday"},
    {"verified_at": "0001-01-01T00:00:00+14:00"},
    {"verified_at": "9999-12-31T23:59:59-14:00"},
    {"error": "x" * 100_000},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:40])
def test_whatever_lies_in_the_place_of_a_receipt_the_log_is_indexed(
    odd: dict[str, Any], log: Path, indexer: Indexer
) -> None:
    value = {"remote": "lab", "size": 1, "chain": "", "records": 1, "verified_at": "", "files": {}, **odd}
    body = {"version": 1, "log_id": log_id_of(log), "targets": {"hub:1": value}}
    receipts_path(log).write_text(json.dumps(body).replace("Infinity", "1e400"))
    indexer.catch_up(log)
    indexer.enter_deliveries()
    assert indexer.reached(log)[1] > 20
    for _, _, size, _, _, verified_at, *_ in rows(indexer.connection):
        assert 0 <= size < 1 << 63
        iso(verified_at)


def test_a_pipe_in_the_place_of_a_receipt_is_not_waited_for(log: Path, indexer: Indexer) -> None:
    os.mkfifo(receipts_path(log))
    indexer.catch_up(log)
    indexer.enter_deliveries()
    assert rows(indexer.connection) == []
    save(log, WHOLE)
    indexer.enter_deliveries()
    assert rows(indexer.connection) == [OF_WHOLE]
