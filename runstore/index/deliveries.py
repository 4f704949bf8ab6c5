"""The table `deliveries`: what the receipts beside logs say, where it can be asked of 10,000 logs at once.

A receipt is the truth here, as a log is elsewhere. Rows are written when a log is first indexed, when who delivers says
so, and when somebody asks for the standing of all logs and a receipt is another file than it was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from runstore.core.times import moment_of
from runstore.errors import StorageError
from runstore.index import proofs
from runstore.index.proofs import Receipt
from runstore.paths import receipts_name

Row = tuple[int, str, str]  # of a log: id, path, log_id
Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]

# So many logs whose receipts changed are written in one transaction: others may wait to write.
_TOGETHER = 200
# A file system's clock ticks slowly: a file that was replaced twice in one tick shows one time.
_SETTLED_NS = 3_000_000_000
_LAST_MOMENT = 253402300799.0  # of the year 9999


def enter(connection: sqlite3.Connection, log: int, path: Path, log_id: str) -> None:
    """Write what the receipts of a log say, in place of what was known; the caller's transaction makes it whole."""
    # Looked at before the reading: what is kept after it must look new the next time.
    seen = _mtime_ns(receipts_name(str(path))) + _mtime_ns_at_home(log_id)
    connection.execute("DELETE FROM deliveries WHERE log = ?", (log,))
    if seen:
        rows = [(log, target, *_columns(receipt), seen) for target, receipt in proofs.load(path, log_id).items()]
        connection.executemany(f"INSERT INTO deliveries VALUES ({', '.join('?' * 15)})", rows)


def enter_these(connection: sqlite3.Connection, transaction: Transaction, logs: Iterable[Path]) -> None:
    """Write what is new in the receipts of these logs; logs that the index does not know are passed over."""
    query = (
        "SELECT id, path, log_id, max(receipts_ns) FROM logs LEFT JOIN deliveries ON log = logs.id"
        " WHERE path = ? AND log_id IS NOT NULL GROUP BY logs.id"
    )
    rows = [row for log in logs for row in connection.execute(query, (str(log),)).fetchall()]
    settled_before = time.time_ns() - _SETTLED_NS
    changed = []
    for log, path, log_id, known in rows:
        now = _mtime_ns(receipts_name(path)) + _mtime_ns_at_home(log_id)
        if now != known or now > settled_before:
            changed.append((log, path, log_id))
    _enter_all(transaction, changed)


def enter_changed(connection: sqlite3.Connection, transaction: Transaction) -> None:
    """Write what is new in the receipts of all logs; costs a look at the file of each."""
    stamps = connection.execute("SELECT log, max(receipts_ns) FROM deliveries GROUP BY log")
    known: dict[int, int] = dict(stamps.fetchall())
    at_home = _all_at_home()

    def is_changed(row: Row) -> bool:
        log, path, log_id = row
        return _mtime_ns(receipts_name(path)) + at_home.get(log_id, 0) != known.get(log, 0)

    logs = connection.execute("SELECT id, path, log_id FROM logs WHERE log_id IS NOT NULL").fetchall()
    _enter_all(transaction, list(filter(is_changed, logs)))


def _enter_all(transaction: Transaction, rows: Sequence[Row]) -> None:
    for start in range(0, len(rows), _TOGETHER):
        with transaction() as connection:
            for log, path, log_id in rows[start : start + _TOGETHER]:
                if not os.path.exists(path):  # its file system is away, and the receipt with it: what is known stays
                    continue
                # Another process may have forgotten it meanwhile.
                if connection.execute("SELECT 1 FROM logs WHERE id = ? AND log_id = ?", (log, log_id)).fetchone():
                    enter(connection, log, Path(path), log_id)


def _columns(receipt: Receipt) -> tuple[object, ...]:
    beside = [*receipt.files.values(), *receipt.blobs.values()]
    return (
        receipt.remote,
        receipt.url,
        receipt.size,
        receipt.chain,
        receipt.records,
        _seconds(receipt.verified_at),
        len(beside),
        min(sum(stamp.size for stamp in beside), (1 << 63) - 1),
        receipt.files_left,
        receipt.held,
        receipt.error,
        _seconds(receipt.failed_at),
    )


def _seconds(text: str) -> float:
    """Return a receipt's time in seconds since the epoch; 0 for none, and for what is no time of the calendar."""
    return min(max(0.0, moment_of(text) or 0.0), _LAST_MOMENT)


def _all_at_home() -> dict[str, int]:
    """Return the id of each log whose receipts lie at home, and when the file of them was changed."""
    try:
        with os.scandir(proofs.home_path("").parent) as entries:
            return {entry.name.removesuffix(".json"): entry.stat().st_mtime_ns for entry in entries}
    except (OSError, StorageError):
        return {}


def _mtime_ns_at_home(log_id: str) -> int:
    try:
        return _mtime_ns(proofs.home_path(log_id))
    except StorageError:
        return 0


def _mtime_ns(path: str | Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
