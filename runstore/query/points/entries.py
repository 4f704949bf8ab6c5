"""What the logs of a run say of its metrics, put together by step: the base of points, rows and charts.

An entry is one value at one step. The entries of a log are read as arrays, in log order, and stand behind those of
earlier logs; of several at one step the last one counts. Nothing here loops over points.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.core.keys import dotted
from runstore.core.medianames import leaves_in, media_in, type_leaf, with_leaves
from runstore.core.stitch import Piece
from runstore.index.chunks.series import Chunk, joined
from runstore.index.pieces import lineage_of
from runstore.index.placing import STEP_COLUMNS, Steps, lifted, open_row, steps_of_chunk, steps_of_log
from runstore.query.points.oflog import HISTORY, Names, Part, entries_of_log, names_below

Which = npt.NDArray[np.intp]


@dataclass
class Entries:
    """The entries of one metric, of one log or more; of two at one step the later counts."""

    steps: list[Steps] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    logs: list[int] = field(default_factory=list)  # of each part, which of the run's logs it is of: 0, 1, 2, ...

    def add(self, steps: Steps, part: Part, log: int) -> None:
        """Add entries of one log, behind all others."""
        self.steps.append(steps)
        self.parts.append(part)
        self.logs.append(log)

    def chosen(self, min_step: int | None = None, max_step: int | None = None) -> tuple[Steps, Which | None]:
        """Return the steps, each once, in order, and which entries count there; None: all of them as they are.

        Steps from `min_step` (included) to `max_step` (not included).
        """
        steps, which = self._chosen()
        low = 0 if min_step is None else int(np.searchsorted(steps, min_step))
        high = len(steps) if max_step is None else int(np.searchsorted(steps, max_step))
        if which is None and high - low < len(steps):
            return steps[low:high], np.arange(low, high)
        return steps[low:high], None if which is None else which[low:high]

    def _chosen(self) -> tuple[Steps, Which | None]:
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
) -> dict[str, Entries]:
    """Return the entries of a run's metrics by name, of all its logs: of these metrics, or of all.

    What lies before `min_step`, and from `max_step` on, may be left out: it need not be read.
    """
    found: dict[str, Entries] = {}
    names = Names(keys)
    lineage = lineage_of(connection, run)
    for number, piece in enumerate(lineage):
        whole = piece if stream == HISTORY else Piece(piece.log, None, None, piece.last_step)  # times are no steps
        places = _Places(connection, whole)
        window = (min_step, max_step) if whole.after is None else (None, None)
        for key, own_steps, own_part in entries_of_log(connection, piece.log, names, stream, window):
            steps, part = places.counting(own_steps, own_part)
            if len(steps):
                found.setdefault(key, Entries()).add(steps, part, number)
    if len(lineage) > 1:
        _drop_superseded(found)
    return found


def entries_with_leaves(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str],
    min_step: int | None = None,
    max_step: int | None = None,
) -> dict[str, Entries]:
    """Return the entries of these metrics of the history, and of the leaves of those that are media values."""
    found = entries_of(connection, run, [*keys, *map(type_leaf, keys)], HISTORY, min_step, max_step)
    media = [key for key in media_in(found) if key in keys]
    if not media:
        return found
    return found | entries_of(connection, run, _leaves_of(connection, run, media), HISTORY, min_step, max_step)


def names_with_leaves(connection: sqlite3.Connection, run: int, keys: Sequence[str]) -> list[str]:
    """Return these keys, each once; in the place of those of media values in the history stand all their leaves."""
    media = media_in(entries_of(connection, run, [type_leaf(key) for key in keys]))
    return with_leaves(keys, entries_of(connection, run, _leaves_of(connection, run, media)) if media else ())


def _leaves_of(connection: sqlite3.Connection, run: int, media: Sequence[str]) -> list[str]:
    """Return keys of media values, and the names of all leaves below them."""
    pieces = lineage_of(connection, run)
    return [*media, *set[str]().union(*(names_below(connection, piece.log, media) for piece in pieces))]


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
        return _kept(steps, part, steps < self._below)


def _kept(steps: Steps, part: Part, which: npt.NDArray[np.bool_]) -> tuple[Steps, Part]:
    """Return some of these entries."""
    keep = np.flatnonzero(which)
    if not len(keep):
        return steps[keep], []
    if isinstance(part, list):
        return steps[keep], [part[place] for place in keep.tolist()]
    column = part.column()
    kept = [column[place] for place in keep.tolist()] if isinstance(column, list) else column[keep]
    return steps[keep], Chunk.pack(steps[keep], kept)


def _drop_superseded(found: dict[str, Entries]) -> None:
    """Where several logs have a media value at one step, leave the last log's alone: no mixture of their leaves."""
    for key, leaves in leaves_in(found).items():
        said = [found[name] for name in (key, type_leaf(key)) if name in found]
        by_log = [(log, steps) for entries in said for log, steps in zip(entries.logs, entries.steps, strict=True)]
        if len({log for log, _ in by_log}) < 2:
            continue
        for name in (key, *leaves):
            if name in found:
                found[name] = _without_superseded(found[name], by_log)
                if not found[name].steps:
                    del found[name]


def _without_superseded(entries: Entries, by_log: Sequence[tuple[int, Steps]]) -> Entries:
    """Return the entries of each log at steps where none of the later ones has any."""
    rest = Entries()
    for steps, part, log in zip(entries.steps, entries.parts, entries.logs, strict=True):
        later = [own for number, own in by_log if number > log]
        which = ~np.isin(steps, np.concatenate(later)) if later else np.ones(len(steps), np.bool_)
        if not which.all():
            steps, part = _kept(steps, part, which)
        if len(steps):
            rest.add(steps, part, log)
    return rest
