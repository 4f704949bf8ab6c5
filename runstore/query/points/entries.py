"""What the logs of a run say of its metrics, put together by step: the base of points, rows and charts.

An entry is one value at one step. The entries of a log are read as arrays, in log order, and stand behind those of
earlier logs; of several at one step the last one counts. Nothing here loops over points.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.core.keys import dotted
from runstore.core.stitch import Piece
from runstore.index.chunks.series import Chunk, joined
from runstore.index.chunks.tails import CHUNK_COLUMNS
from runstore.index.pieces import lineage_of
from runstore.index.placing import STEP_COLUMNS, Steps, lifted, open_row, steps_of_chunk, steps_of_log

HISTORY, SYSTEM = "history", "system"  # streams of series: what the program logged, what was measured of the machine
# Older SQLite takes no more than 999 values in one statement; so many keys are nearly all keys.
_MAX_NAMED = 500

Which = npt.NDArray[np.intp]
Part = Chunk | list[Any]  # of numbers; of anything
_Found = tuple[str, Steps, Part]
_Window = tuple[int | None, int | None]
# Chunks whose steps are not in order may have some anywhere between. No window: both values are NULL.
_IN_WINDOW = " AND NOT coalesce(rising AND (chunks.last_step < ? OR first_step >= ?), 0)"


@dataclass
class Entries:
    """The entries of one metric, of one log or more; of two at one step the later counts."""

    steps: list[Steps] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def chosen(self) -> tuple[Steps, Which | None]:
        """Return the steps, each once, in order, and which entries count there; None: all of them as they are."""
        steps = np.concatenate(self.steps) if self.steps else np.empty(0, np.int64)
        if bool((steps[1:] > steps[:-1]).all()):
            return steps, None
        order = np.argsort(steps, kind="stable")
        steps = steps[order]
        last = np.append(steps[1:] != steps[:-1], True)
        return steps[last], order[last]

    def values(self, which: Which | None) -> list[Any]:
        """Return values exactly as they were logged: of these entries, or of all."""
        flat = joined([part.column() if isinstance(part, Chunk) else part for part in self.parts])
        if isinstance(flat, list):
            return flat if which is None else [flat[place] for place in which.tolist()]
        exact: list[Any] = (flat if which is None else flat[which]).tolist()
        return exact


def entries_of(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str] | None = None,
    stream: str = HISTORY,
    min_step: int | None = None,
    max_step: int | None = None,
) -> Mapping[str, Entries]:
    """Return the entries of a run's metrics by name, of all its logs: of these metrics, or of all.

    Numbers before `min_step`, and from `max_step` on, may be left out: chunks that lie there need not be read.
    """
    found: dict[str, Entries] = {}
    for piece in lineage_of(connection, run):
        whole = piece if stream == HISTORY else Piece(piece.log, None, None, piece.last_step)  # times are no steps
        places = _Places(connection, whole)
        window = (min_step, max_step) if whole.after is None else (None, None)
        for key, own_steps, own_part in _of_log(connection, piece.log, keys, stream, window):
            steps, part = places.counting(own_steps, own_part)
            if len(steps):
                entries = found.setdefault(key, Entries())
                entries.steps.append(steps)
                entries.parts.append(part)
    return found


def names_of(connection: sqlite3.Connection, piece: Piece) -> set[str]:
    """Return the names of the metrics that one log adds to the history of its run."""
    numbers = "FROM series JOIN chunks ON series = series.id WHERE log = ? AND stream = 'history'"
    texts = "FROM history_values WHERE log = ?"
    step, row = open_row(connection, piece.log)
    found = {dotted(name): [np.array([step], np.int64)] for name in row if name != "_step"}
    if piece.below is None:
        query = f"SELECT DISTINCT key {numbers} UNION SELECT key {texts}"
        return {key for (key,) in connection.execute(query, (piece.log, piece.log))} | found.keys()
    places = _Places(connection, piece)
    for key, *columns in connection.execute(f"SELECT key, {STEP_COLUMNS} {numbers}", (piece.log,)):
        found.setdefault(key, []).append(steps_of_chunk(columns))
    for key, step in connection.execute(f"SELECT DISTINCT key, step {texts}", (piece.log,)):
        found.setdefault(key, []).append(np.array([step], np.int64))
    return {key for key, parts in found.items() if any(places.any_counts(steps) for steps in parts)}


class _Places:
    """Where the rows of one log stand in the run, and which of them count."""

    def __init__(self, connection: sqlite3.Connection, piece: Piece) -> None:
        self._below = piece.below
        self._own: Steps | None = None
        if piece.after is not None:  # where a row stands depends on every row before it
            self._own = steps_of_log(connection, piece.log)
            self._lifted = lifted(self._own, piece.after)

    def any_counts(self, steps: Steps) -> bool:
        """Whether an entry at any of these steps counts."""
        return self._below is None or bool((self._placed(steps) < self._below).any())

    def _placed(self, steps: Steps) -> Steps:
        return steps if self._own is None else self._lifted[np.searchsorted(self._own, steps)]

    def counting(self, steps: Steps, part: Part) -> tuple[Steps, Part]:
        """Return these entries with the steps at which they stand, without those that are superseded."""
        steps = self._placed(steps)
        if self._below is None or not len(steps) or int(steps.max()) < self._below:
            return steps, part
        keep = np.flatnonzero(steps < self._below)
        if not len(keep):
            return steps[keep], []
        if isinstance(part, list):
            return steps[keep], [part[place] for place in keep.tolist()]
        column = part.column()
        kept = [column[place] for place in keep.tolist()] if isinstance(column, list) else column[keep]
        return steps[keep], Chunk.pack(steps[keep], kept)


def _of_log(
    connection: sqlite3.Connection, log: int, keys: Sequence[str] | None, stream: str, window: _Window = (None, None)
) -> Iterator[_Found]:
    """Yield name, steps and values of one log's entries: of each name first the numbers, then all else."""
    few = keys if keys is not None and len(keys) <= _MAX_NAMED else ()
    which = f" AND key IN ({', '.join('?' * len(few))})" if few else ""
    wanted = None if keys is None else set(keys)
    chunks = connection.execute(
        f"SELECT key, {CHUNK_COLUMNS} FROM series JOIN chunks ON series = series.id"
        f" WHERE log = ? AND stream = ?{which}{_IN_WINDOW} ORDER BY series, place",
        (log, stream, *few, *window),
    )
    for key, *columns in chunks:
        if wanted is None or key in wanted:
            chunk = Chunk(*columns)
            yield key, chunk.step_array(), chunk
    if stream != HISTORY:
        return
    for key, (steps, values) in _texts(connection, log, which, few).items():
        if wanted is None or key in wanted:
            yield key, np.array(steps, np.int64), [json.loads(text) for text in values]
    step, row = open_row(connection, log)
    for name, value in row.items():
        if name != "_step" and (wanted is None or dotted(name) in wanted):
            yield dotted(name), np.array([step], np.int64), [value]


def _texts(
    connection: sqlite3.Connection, log: int, which: str, few: Sequence[str]
) -> dict[str, tuple[list[int], list[str]]]:
    """Return steps and JSON of the values that are no numbers, by name."""
    by_key: dict[str, tuple[list[int], list[str]]] = {}
    found = connection.execute(
        f"SELECT key, step, value FROM history_values WHERE log = ?{which} ORDER BY rowid", (log, *few)
    )
    for key, step, text in found:
        steps, texts = by_key.setdefault(key, ([], []))
        steps.append(step)
        texts.append(text)
    return by_key
