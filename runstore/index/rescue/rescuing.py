"""Rescue what waits in an index: no bytes are copied while the database is locked, and each file is asked for once.

Any number of processes may do this at once, and be killed at any moment: what a log names stays in the index as open
until its bytes have their final name, and what has that is found again without being read.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from runstore.index.rescue.onelog import AGAIN_SECONDS, Result, Wanted, rescued
from runstore.index.rescue.rows import write_entries
from runstore.index.upkeep.notices import tell

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]

# Outcomes are written when there are so many, or when they have waited so long.
_TOGETHER = 500
_WRITE_SECONDS = 1.0
# So many bytes a second are read at least, as a rule: what would take longer than there is time is left for later.
_BYTES_A_SECOND = 200 << 20
# A log without an exit record is taken to have ended when its file has not changed for so long.
_QUIET_SECONDS = 86_400.0

_OPEN_LOGS = (
    "SELECT logs.id, path, exit_code, mtime_ns FROM logs LEFT JOIN runs ON runs.id = run"
    " WHERE logs.id IN (SELECT log FROM rescues WHERE outcome NOT IN ('kept', 'lost')) ORDER BY path"
)
_DUE = (
    "SELECT blob, source, size, outcome, artifact FROM rescues WHERE log = ? AND outcome NOT IN ('kept', 'lost')"
    " AND (outcome <> 'failed' OR tried_at NOT BETWEEN ? AND ?)"
    " AND (outcome <> 'held' OR ? OR tried_at NOT BETWEEN ? AND ?)"
)


def rescue(
    connection: sqlite3.Connection,
    transaction: Transaction,
    log: Path | None = None,
    seconds: float = math.inf,
    stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.time,
) -> int:
    """Bring in all that is open, of the log at this path alone where one is given; return of how many files it came.

    Ends after about so many seconds, or when `stopping` says so. Links, which take no time, are made first, all of
    them. `transaction` begins and ends one on `connection`. Nothing open costs one look at the database.
    """
    until, now = time.monotonic() + seconds, clock()
    found = connection.execute(_OPEN_LOGS).fetchall()
    logs = [(row, Path(path), is_quiet) for row, path, *is_quiet in found if log in (None, Path(path))]
    total = 0
    for is_time_for in (_never, lambda size: not stopping() and time.monotonic() + size / _BYTES_A_SECOND <= until):
        for row, path, (exit_code, mtime_ns) in logs:
            has_ended = exit_code is not None or mtime_ns / 1e9 < now - _QUIET_SECONDS
            wanted = _due(connection, row, has_ended, now)
            total += _write(transaction, row, now, rescued(path, wanted, has_ended, is_time_for))
    return total


def tell_of_the_rest(connection: sqlite3.Connection) -> None:
    """Say what is still to be read and copied, if there is anything."""
    waiting = "SELECT count(*), coalesce(sum(max(size, 0)), 0) FROM rescues WHERE outcome IN ('waiting', 'linked')"
    files, size = connection.execute(waiting).fetchone()
    if files:
        tell(
            f"{files:,} files ({size:,} bytes) that W&B's library left outside of run directories are still to be "
            "copied there: the daemon does that, or `runstore index rescue`"
        )


def _never(size: int) -> bool:
    return False


def _due(connection: sqlite3.Connection, log: int, has_ended: bool, now: float) -> list[Wanted]:
    recently = (now - AGAIN_SECONDS, now)
    found = connection.execute(_DUE, (log, *recently, int(has_ended), *recently))
    return [Wanted(*columns) for columns in found.fetchall()]


def _write(transaction: Transaction, log: int, now: float, results: Iterable[Result]) -> int:
    """Write what became of files, some at a time, and return of how many.

    `results` are made one by one as they are asked for, which is when bytes are copied: never in the transaction.
    """
    total = 0
    rows: list[tuple[str, str, float, int, str, str]] = []
    due = time.monotonic() + _WRITE_SECONDS
    for result in results:
        total += 1
        if result.named:
            with transaction() as connection:  # before the list counts as read
                write_entries(connection, log, result.named)
        rows.append((result.outcome, result.reason, now, log, result.wanted.blob, result.wanted.source))
        if len(rows) >= _TOGETHER or time.monotonic() > due:
            _update(transaction, rows)
            due = time.monotonic() + _WRITE_SECONDS
    _update(transaction, rows)
    return total


def _update(transaction: Transaction, rows: list[tuple[str, str, float, int, str, str]]) -> None:
    if rows:
        with transaction() as connection:
            connection.executemany(
                "UPDATE rescues SET outcome = ?, reason = ?, tried_at = ? WHERE log = ? AND blob = ? AND source = ?",
                rows,
            )
        rows.clear()
