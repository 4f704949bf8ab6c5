"""The chunks of one metric over all logs of a run, as statistics: enough for a chart, without reading points."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from runstore.core.keys import dotted
from runstore.index.chunks.series import Chunk, Number, as_values
from runstore.index.chunks.tails import CHUNK_COLUMNS
from runstore.index.pieces import lineage_of
from runstore.index.placing import open_row

_OF_KEY = "series = (SELECT id FROM series WHERE log = ? AND stream = 'history' AND key = ?) ORDER BY place"
_PART = "rowid, n, first_step, last_step, rising, low, high, total, last, nonfinite, form"


class Part(NamedTuple):
    """Points of a metric that follow one another: what a row of `chunks` says of them, or themselves as `points`."""

    rowid: int
    n: int
    first_step: int
    last_step: int
    rising: int
    low: Number | None
    high: Number | None
    total: float
    last: Number | None
    nonfinite: int
    form: str
    points: Chunk | None = None

    @classmethod
    def of(cls, steps: npt.NDArray[np.int64], values: Any) -> Part:
        """Return points as a part."""
        chunk = Chunk.pack(steps, values)
        columns = {name: getattr(chunk, name) for name in cls._fields if name not in ("rowid", "points")}
        return cls(rowid=0, points=chunk, **columns)


def rising_parts(connection: sqlite3.Connection, run: int, key: str) -> list[Part] | None:
    """Return the parts of a run's metric, each of which lies behind the one before it.

    None where that can't be, or not be told without a look at the points: steps that went back, ranks that logged at
    the same steps, values that are no numbers, logs of stock tools that are moved behind others.
    """
    parts: list[Part] = []
    for piece in lineage_of(connection, run):
        of_log = [Part(*columns) for columns in _chunks(connection, piece.log, key)]
        of_log += _open_part(connection, piece.log, key)
        if _has_other_values(connection, piece.log, key) or (of_log and piece.after is not None):
            return None
        if not all(part.rising for part in of_log):
            return None
        parts += of_log if piece.below is None else _cut(connection, of_log, piece.below)
    behind = all(part.first_step > before.last_step for before, part in pairwise(parts))
    return parts if behind else None


def points_at(connection: sqlite3.Connection, part: Part) -> Chunk:
    """Return the points of a part."""
    if part.points is not None:
        return part.points
    (columns,) = connection.execute(f"SELECT {CHUNK_COLUMNS} FROM chunks WHERE rowid = ?", (part.rowid,)).fetchall()
    return Chunk(*columns)


def _chunks(connection: sqlite3.Connection, log: int, key: str) -> Iterable[tuple[Any, ...]]:
    return connection.execute(f"SELECT {_PART} FROM chunks WHERE {_OF_KEY}", (log, key)).fetchall()


def _open_part(connection: sqlite3.Connection, log: int, key: str) -> list[Part]:
    """Return the value of a row that may still be added to."""
    step, row = open_row(connection, log)
    values = [value for name, value in row.items() if dotted(name) == key and type(value) in (int, float)]
    return [Part.of(np.array([step], np.int64), as_values(values[-1:]))] if values else []


def _has_other_values(connection: sqlite3.Connection, log: int, key: str) -> bool:
    found = connection.execute("SELECT 1 FROM history_values WHERE log = ? AND key = ? LIMIT 1", (log, key)).fetchone()
    return found is not None


def _cut(connection: sqlite3.Connection, parts: Iterable[Part], below: int) -> Iterator[Part]:
    """Yield what of rising parts lies below a step."""
    for part in parts:
        if part.last_step < below:
            yield part
        elif part.first_step < below:
            chunk = points_at(connection, part)
            keep = int(np.searchsorted(chunk.step_array(), below))
            yield Part.of(chunk.step_array()[:keep], chunk.column()[:keep])
