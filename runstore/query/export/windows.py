"""The history of a run in windows of steps, so that a run of any length is exported in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from runstore.index.pieces import lineage_of
from runstore.query.points.columns import STEP, Columns, Kind, columns_of
from runstore.query.points.history import keys_of

# Values of one window, at 8 bytes each and some more while they are laid out: some 0.1 GB in all.
MOST_VALUES = 2_000_000
_OF_HISTORY = "FROM series JOIN chunks ON series = series.id WHERE log = ? AND stream = 'history' GROUP BY key"
_COUNTS = (f"SELECT key, sum(n) {_OF_HISTORY}", "SELECT key, count(*) FROM history_values WHERE log = ? GROUP BY key")


class RunHistory:
    """What is to be exported of one run: these metrics, or all. Long runs are read a window at a time."""

    def __init__(
        self, connection: sqlite3.Connection, run: int, keys: Sequence[str] | None, most_values: int = 0
    ) -> None:
        self._connection, self._run, self._most = connection, run, most_values or MOST_VALUES
        names = keys_of(connection, run) if keys is None else dict.fromkeys(keys)
        self.keys = sorted(names, key=lambda name: name.startswith("_")) if keys is None else list(names)
        self.keys = [key for key in self.keys if key != STEP]

    def with_keys(self, keys: Sequence[str]) -> RunHistory:
        """Return the history of the same run with these metrics."""
        return RunHistory(self._connection, self._run, keys, self._most)

    def windows(self) -> Iterator[Columns]:
        """Yield the rows in order of step; one window at least, which may have none.

        A metric's column is of the same kind in all of them.
        """
        if self.points() <= self._most:
            yield columns_of(self._connection, self._run, self.keys)
            return
        kinds: dict[str, Kind] = {}
        longest = np.empty(0, np.int64)
        for key in self.keys:
            found = columns_of(self._connection, self._run, [key])
            kinds[key] = found.by_name[key].kind
            longest = max(longest, found.steps, key=len)
        rows = max(1, self._most // len(self.keys))
        edges = [None, *longest[rows::rows].tolist(), None]
        for low, high in pairwise(edges):
            yield columns_of(self._connection, self._run, self.keys, low, high, kinds)

    def points(self) -> int:
        """Return about how many values there are, from what the index counts."""
        wanted = set(self.keys)
        points = 0
        for piece in lineage_of(self._connection, self._run):
            for query in _COUNTS:
                counts = self._connection.execute(query, (piece.log,))
                points += sum(count for key, count in counts if key in wanted)
        return points
