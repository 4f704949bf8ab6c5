"""Read the history of a run out of the index: points of all its logs, put together by step."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from runstore.core.keys import dotted
from runstore.core.logfold import LogFold, Row
from runstore.core.stitch import Piece, lifted
from runstore.index.onelog import CHUNK_COLUMNS
from runstore.index.onerun import pieces_of
from runstore.index.series import Chunk

Rows = dict[int, dict[str, Any]]


def keys_of(connection: sqlite3.Connection, run: int) -> list[str]:
    """Return the names of all metrics of a run, sorted."""
    of_run = "SELECT id FROM logs WHERE run = ?"
    found = connection.execute(
        f"SELECT key FROM series WHERE log IN ({of_run}) UNION SELECT key FROM history_values WHERE log IN ({of_run})",
        (run, run),
    )
    return sorted(key for (key,) in found)


def rows_of(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of a run in order of step, each with `_step` and its values by name.

    With `keys`, only those values, and only rows that have all of them. Steps from `min_step` (included) to
    `max_step` (not included). Rows of one step, from several logs or calls, are one row; the later value counts
    (of one log, step and key, a value that is no number counts more than a number).
    """
    rows: Rows = {}
    wanted = None if keys is None else [key for key in keys if key != "_step"]
    for piece in pieces_of(connection, run):
        for step, name, value in _placed(connection, piece, wanted):
            if piece.below is None or step < piece.below:
                rows.setdefault(step, {})[name] = value
    low = -math.inf if min_step is None else min_step
    high = math.inf if max_step is None else max_step
    return [
        {"_step": step, **row}
        for step, row in sorted(rows.items())
        if low <= step < high and (wanted is None or all(key in row for key in wanted))
    ]


def sampled(rows: list[dict[str, Any]], samples: int) -> list[dict[str, Any]]:
    """Return at most `samples` of the rows, evenly spread, the first and the last among them."""
    if len(rows) <= samples:
        return rows
    if samples < 2:
        return rows[-samples:] if samples else []
    return [rows[round(place * (len(rows) - 1) / (samples - 1))] for place in range(samples)]


def _placed(connection: sqlite3.Connection, piece: Piece, keys: Sequence[str] | None) -> Iterator[tuple[int, str, Any]]:
    """Yield the values of one log at the steps at which they stand in the run."""
    if piece.after is None:
        yield from _values(connection, piece, keys)
        return
    values = list(_values(connection, piece, None))  # where a row stands depends on every row before it
    places = lifted((step for step, _, _ in values), piece.after)
    for step, name, value in values:
        if keys is None or name in keys:
            yield places[step], name, value


def _values(connection: sqlite3.Connection, piece: Piece, keys: Sequence[str] | None) -> Iterator[tuple[int, str, Any]]:
    """Yield step, name and value of one log: of each name first all numbers, then all else, both in log order."""
    which, arguments = "", [piece.log]
    if keys is not None:
        which = f" AND key IN ({', '.join('?' * len(keys))})"
    chunks = connection.execute(
        f"SELECT key, {CHUNK_COLUMNS} FROM series JOIN chunks ON series = series.id WHERE log = ?{which}"
        " ORDER BY series, place",
        (*arguments, *(keys or ())),
    )
    for key, *columns in chunks:
        chunk = Chunk(*columns)
        for step, value in zip(chunk.step_array().tolist(), chunk.values(), strict=True):
            yield step, key, value
    texts = connection.execute(
        f"SELECT step, key, value FROM history_values WHERE log = ?{which} ORDER BY rowid", (*arguments, *(keys or ()))
    )
    for step, key, text in texts:
        yield step, key, json.loads(text)
    yield from _open_row(connection, piece.log, keys)


def _open_row(connection: sqlite3.Connection, log: int, keys: Sequence[str] | None) -> Iterator[tuple[int, str, Any]]:
    """Yield the values of a row that may still be added to: it was logged, so it counts."""
    found = connection.execute("SELECT state FROM logs WHERE id = ? AND open_row", (log,)).fetchone()
    if found is None:
        return
    fold = LogFold()
    fold.restore(json.loads(found[0])["fold"])
    step, row = fold.pending or (0, Row())
    for key, value in row.items():
        if key != "_step" and (keys is None or dotted(key) in keys):
            yield step, dotted(key), value
