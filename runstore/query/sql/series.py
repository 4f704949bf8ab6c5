"""The series behind the views `points`, `history` and `system_metrics`, cut into pages of rows."""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from runstore.core.json_names import named
from runstore.core.keys import dotted, flatten
from runstore.errors import UsageError
from runstore.index.pieces import lineage_of
from runstore.index.placing import Steps, open_row
from runstore.query.points.entries import Entries, entries_of
from runstore.query.points.oflog import HISTORY, SYSTEM
from runstore.query.points.stitched import points_of

# How far the table of numbers counts: the rows of a page, the pages of a series and the metrics of a run at most.
PAGE = 32_768
_KEPT_POINTS = 4_000_000  # of series that were read last, for the next question
_KEPT_RUNS = 1_000
_KEPT_PAGES = 16
_INT64 = range(-(1 << 63), 1 << 63)

Kind = Literal["points", "history", "system"]
KINDS: tuple[Kind, ...] = ("points", "history", "system")


class _Series(NamedTuple):
    steps: Steps
    values: Any  # an array, or a list of Python objects


class PagedSeries:
    """The series of one kind: the numbers of the history, all values of the history, or metrics of the machine.

    A run is named by its row in `runs`; a metric by that, times PAGE, and its place among the run's metrics; a page of
    it likewise by the metric and its place among the metric's pages.
    """

    def __init__(self, connection: sqlite3.Connection, kind: Kind) -> None:
        self._connection, self._kind = connection, kind
        self._keys: OrderedDict[int, list[str]] = OrderedDict()
        self._series: OrderedDict[int, _Series] = OrderedDict()
        self._points = 0  # of all these series
        self._pages: OrderedDict[int, tuple[list[Any], list[Any]]] = OrderedDict()
        self._page = -1
        self._steps: list[Any] = []
        self._values: list[Any] = []

    def forget(self) -> None:
        """Read all anew when it is asked for again."""
        self._keys.clear()
        self._series.clear()
        self._points = 0
        self._pages.clear()
        self._page = -1

    def keys(self, run: int) -> int:
        """Return how many metrics the run has."""
        return len(self._keys_of(run))

    def key(self, metric: int) -> str:
        """Return the name of a metric."""
        run, place = divmod(metric, PAGE)
        return self._keys_of(run)[place]

    def pages(self, metric: int) -> int:
        """Return how many pages a metric's rows fill."""
        return -(-len(self._series_of(metric).steps) // PAGE)

    def rows(self, page: int) -> int:
        """Return how many rows a page has."""
        self._turn_to(page)
        return len(self._steps)

    def step(self, page: int, row: int) -> Any:
        """Return the step of a row."""
        if page != self._page:
            self._turn_to(page)
        return self._steps[row]

    def value(self, page: int, row: int) -> Any:
        """Return the value of a row."""
        if page != self._page:
            self._turn_to(page)
        return self._values[row]

    def _turn_to(self, page: int) -> None:
        found = self._pages.get(page)
        if found is None:
            metric, number = divmod(page, PAGE)
            steps, values = self._series_of(metric)
            cut = slice(number * PAGE, (number + 1) * PAGE)
            part = values[cut]
            found = steps[cut].tolist(), [storable(v) for v in part] if isinstance(part, list) else part.tolist()
            _keep(self._pages, page, found, _KEPT_PAGES)
        self._page = page
        self._steps, self._values = found

    def _keys_of(self, run: int) -> list[str]:
        keys = self._keys.get(run)
        if keys is None:
            keys = sorted(set(self._all_keys(run)))
            if len(keys) > PAGE:
                raise UsageError(f"run {run} has {len(keys):,} metrics; SQL can show the points of {PAGE:,} at most")
            _keep(self._keys, run, keys, _KEPT_RUNS)
        return keys

    def _all_keys(self, run: int) -> Iterable[str]:
        stream = SYSTEM if self._kind == "system" else HISTORY
        for piece in lineage_of(self._connection, run):
            found = self._connection.execute("SELECT key FROM series WHERE log = ? AND stream = ?", (piece.log, stream))
            yield from (key for (key,) in found)
            if stream == HISTORY:
                yield from (dotted(key) for key in open_row(self._connection, piece.log)[1] if key != "_step")
            if self._kind == "history":
                found = self._connection.execute("SELECT key FROM history_values WHERE log = ?", (piece.log,))
                yield from (key for (key,) in found)

    def _series_of(self, metric: int) -> _Series:
        series = self._series.get(metric)
        if series is None:
            series = self._series[metric] = self._read(metric // PAGE, self.key(metric))
            self._points += len(series.steps)
            while len(self._series) > 1 and self._points > _KEPT_POINTS:
                self._points -= len(self._series.popitem(last=False)[1].steps)
        return series

    def _read(self, run: int, key: str) -> _Series:
        if self._kind == "history":
            entries = entries_of(self._connection, run, [key]).get(key, Entries())
            steps, which = entries.chosen()
            return _Series(steps, entries.values(which))
        points = points_of(self._connection, run, key, stream=SYSTEM if self._kind == "system" else HISTORY)
        return _Series(points.steps, points.values)


def flat_items(tree: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the leaves of nested dicts with their names, as SQLite takes them."""
    return [(dotted(key), storable(value)) for key, value in flatten(tree).items()]


def storable(value: Any) -> Any:
    """Return a value as SQLite takes it: lists and dicts as JSON text, integers beyond 64 bits as floats."""
    if isinstance(value, int) and value not in _INT64:
        return float(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, (int, float)) else json.dumps(named(value), ensure_ascii=False)


def _keep(kept: OrderedDict[Any, Any], name: Any, value: Any, most: int) -> None:
    """Add to what is kept, which loses what came first."""
    kept[name] = value
    if len(kept) > most:
        kept.popitem(last=False)
