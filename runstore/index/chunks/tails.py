"""The newest points of a log's series: in memory until they are written, then as chunks behind those of the database.

What is written joins the chunk before it only where that one is small, and all chunks that are not full become full
ones as soon as they hold enough points together: so a point is written about twice before it is sealed, however often
its log is looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from runstore.index.chunks.few import FEW_POINTS, chunk_of_few
from runstore.index.chunks.series import CHUNK_POINTS, Chunk, Number, Values, as_values, joined
from runstore.index.chunks.stepping import Cutter, Steps

HISTORY = "history"
# A chunk of fewer points is written anew together with the next one: else a command repeated every second would leave
# thousands of rows behind. A reader never meets more than 4,096 / 48 chunks that are not full.
SMALL_POINTS = 48

CHUNK_COLUMNS = ", ".join(f.name for f in fields(Chunk))
_MARKS = ", ".join("?" * (2 + len(fields(Chunk))))
INSERT_CHUNK = f"INSERT INTO chunks (series, place, {CHUNK_COLUMNS}) VALUES ({_MARKS})"

Points = tuple[Steps | list[int], Values]


class SeriesTail:
    """The points of one series that are not written yet."""

    def __init__(self) -> None:
        self._parts: list[Points] = []  # before the single points
        self._steps: list[int] = []
        self._values: list[Number] = []

    def __len__(self) -> int:
        return sum(len(steps) for steps, _ in self._parts) + len(self._steps)

    def add(self, step: int, value: Number) -> None:
        """Add one point."""
        self._steps.append(step)
        self._values.append(value)

    def extend(self, steps: Sequence[int] | Steps, values: Sequence[Number] | Values) -> None:
        """Add many points; arrays (steps int64, values float64 or int64) are kept as they are, not copied.

        An array of values says that all of them were logged as floats, or all as integers; where both are among them,
        give a list.
        """
        self._close_singles()
        self._parts.append((np.asarray(steps, dtype="<i8"), as_values(values)))

    def take(self) -> list[Points]:
        """Return the points, and forget them."""
        if not self._parts and 0 < len(self._steps) <= FEW_POINTS:  # as lists: what arrays cost, so few are not worth
            few, self._steps, self._values = (self._steps, self._values), [], []
            return [few]
        self._close_singles()
        parts, self._parts = self._parts, []
        return parts

    def _close_singles(self) -> None:
        if self._steps:
            self._parts.append((np.array(self._steps, dtype="<i8"), as_values(self._values)))
            self._steps, self._values = [], []


@dataclass
class _Stored:
    """What the database has of a series: the place behind its chunks, and those at the end that are not full."""

    series: int
    next_place: int = 0
    partial: list[tuple[int, int]] = field(default_factory=list)  # place and number of points

    def remember(self, newest_first: Iterable[tuple[int, int]]) -> None:
        """Take in the places and sizes of its chunks, of which those behind the last full one matter."""
        for place, n in newest_first:
            self.next_place = max(self.next_place, place + 1)
            if n >= CHUNK_POINTS:
                break
            self.partial.insert(0, (place, n))

    def joining(self, more: int) -> list[int]:
        """Return the places of the chunks that are written anew together with so many new points."""
        if sum(n for _, n in self.partial) + more >= CHUNK_POINTS:
            return [place for place, _ in self.partial]
        return [place for place, n in self.partial[-1:] if n < SMALL_POINTS]

    def laid_out(self, parts: list[Points], joining: list[int], cutter: Cutter) -> list[tuple[int, Chunk]]:
        """Return the new chunks, each with its place, which begin where the chunks lay that they are joined with."""
        if joining:
            self.next_place = joining[0]
            del self.partial[-len(joining) :]
        ready = [(self.next_place + place, chunk) for place, chunk in enumerate(chunks_of(parts, cutter))]
        self.next_place += len(ready)
        if ready[-1][1].n < CHUNK_POINTS:
            self.partial.append((ready[-1][0], ready[-1][1].n))
        return ready


class Tails:
    """The newest points of all series of one log."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tails: dict[tuple[str, str], SeriesTail] = {}
        self._stored: dict[tuple[str, str], _Stored] = {}
        self._nothing_stored = False

    def of(self, key: str, stream: str = HISTORY) -> SeriesTail:
        """Return where the points of a series go."""
        tail = self._tails.get((stream, key))
        if tail is None:
            tail = self._tails[stream, key] = SeriesTail()
        return tail

    def forget_stored(self) -> None:
        """Look again at what the database has before anything is written: another process may have changed it."""
        self._stored.clear()
        self._nothing_stored = False

    def expect_nothing_stored(self) -> None:
        """Don't look for what the database has: the log gets its row in this transaction."""
        self._nothing_stored = True

    def write(self, log: int, seal: bool = False) -> None:
        """Write all points, of the log with this row; inside a transaction. `seal` packs full chunks of merged ones."""
        if self._nothing_stored:
            self._name_all(log)
        gone: list[tuple[int, int]] = []
        chunks: list[tuple[object, ...]] = []
        cutter = Cutter(CHUNK_POINTS)
        for (stream, key), tail in self._tails.items():
            if not tail:
                continue
            stored = self._stored.get((stream, key)) or self._look_up(log, stream, key)
            joining = stored.joining(len(tail))
            gone += [(stored.series, place) for place in joining]
            parts = [self._points(stored.series, place) for place in joining] + tail.take()
            ready = stored.laid_out(parts, joining, cutter)
            if seal and joining:
                ready = [(place, chunk.sealed() if chunk.n == CHUNK_POINTS else chunk) for place, chunk in ready]
            chunks += [(stored.series, place, *chunk.row()) for place, chunk in ready]
        if gone:
            self._connection.executemany("DELETE FROM chunks WHERE series = ? AND place = ?", gone)
        self._connection.executemany(INSERT_CHUNK, chunks)

    def _name_all(self, log: int) -> None:
        """Give all series their rows, of a log that has none."""
        self._nothing_stored = False
        names = [name for name, tail in self._tails.items() if tail]
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM series").fetchone()
        self._stored = {name: _Stored(series) for series, name in enumerate(names, last + 1)}
        self._connection.executemany(
            "INSERT INTO series (id, log, stream, key) VALUES (?, ?, ?, ?)",
            [(stored.series, log, *name) for name, stored in self._stored.items()],
        )

    def _look_up(self, log: int, stream: str, key: str) -> _Stored:
        """Find out what the database has of a series; one that it does not know is given its row."""
        named = (log, stream, key)
        found = self._connection.execute(
            "SELECT id FROM series WHERE log = ? AND stream = ? AND key = ?", named
        ).fetchone()
        if found is None:
            cursor = self._connection.execute("INSERT INTO series (log, stream, key) VALUES (?, ?, ?)", named)
            stored = _Stored(cursor.lastrowid or 0)
        else:
            stored = _Stored(found[0])
            stored.remember(
                self._connection.execute("SELECT place, n FROM chunks WHERE series = ? ORDER BY place DESC", found)
            )
        self._stored[stream, key] = stored
        return stored

    def _points(self, series: int, place: int) -> Points:
        columns = self._connection.execute(
            f"SELECT {CHUNK_COLUMNS} FROM chunks WHERE series = ? AND place = ?", (series, place)
        ).fetchone()
        chunk = Chunk(*columns)
        return chunk.step_array(), chunk.column()


def chunks_of(parts: Sequence[Points], cutter: Cutter) -> Iterator[Chunk]:
    """Yield points, packed into chunks of as many as `cutter` cuts off, and one of the rest."""
    first, values = parts[0]
    if len(parts) == 1 and isinstance(first, list) and isinstance(values, list):
        yield chunk_of_few(first, values)
        return
    cut = cutter.cut([np.asarray(part[0], dtype="<i8") for part in parts])
    values = joined([as_values(part[1]) for part in parts])
    if not isinstance(values, list):
        yield from Chunk.pack_all(cut, values)
        return
    for span in cut.spans:  # there may be floats alone in it, or integers
        yield Chunk.pack(cut.steps[span.begin : span.end], values[span.begin : span.end])
