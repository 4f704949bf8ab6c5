"""Seal the chunks of logs that have ended, or that nobody has written to for long: merged, and packed.

A log is sealed a window of chunks at a time, each in a transaction of its own. After every one the chunks hold the
same points in the same order, so a process killed between them, or one that reads meanwhile, sees no difference.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count

from runstore.index.chunks.series import SEALED_POINTS, Chunk
from runstore.index.chunks.stepping import Cutter
from runstore.index.chunks.tails import CHUNK_COLUMNS, INSERT_CHUNK, chunks_of

# A log without an exit record is sealed when its file has not changed for so long; it may well grow again.
QUIET_SECONDS = 3600.0
_WINDOW = 64  # chunks

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


def quiet_logs(connection: sqlite3.Connection, now: float) -> list[int]:
    """Return the logs that are not sealed and have been quiet for long; `now` is in seconds since the epoch."""
    before_ns = int((now - QUIET_SECONDS) * 1e9)
    found = connection.execute("SELECT id FROM logs WHERE NOT sealed AND size >= 0 AND mtime_ns < ?", (before_ns,))
    return [log for (log,) in found.fetchall()]


def seal(transaction: Transaction, log: int, until: float) -> bool:
    """Seal a log's chunks; return False where that is not done by `until`, on time.monotonic's clock.

    Asked again, it goes on; what is sealed already costs a look.
    """
    with transaction() as connection:
        found = connection.execute("SELECT indexed FROM logs WHERE id = ?", (log,)).fetchone()
        every = [series for (series,) in connection.execute("SELECT id FROM series WHERE log = ?", (log,))]
    if found is None:
        return True
    for series in every:
        place: int | None = _first_unsealed(transaction, series)
        while place is not None:
            if time.monotonic() > until:
                return False
            with transaction() as connection:
                place = _seal_window(connection, series, place)
    with transaction() as connection:  # unless the log has grown
        connection.execute("UPDATE logs SET sealed = 1 WHERE id = ? AND indexed = ?", (log, *found))
    return True


def _first_unsealed(transaction: Transaction, series: int) -> int | None:
    with transaction() as connection:
        shapes = connection.execute("SELECT place, n, form FROM chunks WHERE series = ? ORDER BY place", (series,))
        rows = shapes.fetchall()
    for at, (place, n, form) in enumerate(rows):
        if form[1:] == "" or (n < SEALED_POINTS and at < len(rows) - 1):
            return int(place)
    return None


def _seal_window(connection: sqlite3.Connection, series: int, place: int) -> int | None:
    """Seal some chunks from `place` on; return where to go on, None at the end."""
    rows = connection.execute(
        f"SELECT place, {CHUNK_COLUMNS} FROM chunks WHERE series = ? AND place >= ? ORDER BY place LIMIT ?",
        (series, place, _WINDOW),
    ).fetchall()
    if not rows:
        return None
    is_end = len(rows) < _WINDOW
    sealed = list(zip(count(rows[0][0]), _full([Chunk(*columns) for _, *columns in rows]), strict=False))
    connection.execute(
        "DELETE FROM chunks WHERE series = ? AND place BETWEEN ? AND ?", (series, rows[0][0], rows[-1][0])
    )
    connection.executemany(INSERT_CHUNK, [(series, at, *chunk.row()) for at, chunk in sealed])
    last_place, last = sealed[-1]
    if is_end:
        return None
    return last_place if last.n < SEALED_POINTS else int(rows[-1][0]) + 1


def _full(chunks: list[Chunk]) -> Iterator[Chunk]:
    """Yield the same points in full chunks, and one of the rest, all sealed."""
    while chunks and chunks[0].n == SEALED_POINTS:
        yield chunks.pop(0).sealed()
    if chunks:
        for chunk in chunks_of([(chunk.step_array(), chunk.column()) for chunk in chunks], Cutter(SEALED_POINTS)):
            yield chunk.sealed()
