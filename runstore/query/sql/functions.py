"""What the views of this package ask of Python: the points behind a view's rows, one number or text at a time.

SQLite can't be given a table from Python, but it can count: a view joins the runs with a table of numbers, and asks
here how many rows there are and what stands in each. So no JSON functions are needed, integers are exact to 64 bits
and infinities stay. A series is read whole when its rows are counted; PAGE points at a time become Python objects.

The questions are answered over a connection of their own, so that nothing that people do to theirs gets in the way.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from runstore.core.times import iso
from runstore.index.pieces import pieces_of
from runstore.query.sql.series import KINDS, PagedSeries, flat_items
from runstore.query.stored.run import StoredRun

_KEPT_TREES = 64


class Answers:
    """The answers to what the views ask; keeps what it read last, until the database is changed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.failure: Exception | None = None  # SQLite only says "user-defined function raised exception"
        self._connection = connection
        self._version = -1
        self._series = {kind: PagedSeries(connection, kind) for kind in KINDS}
        self._items: OrderedDict[tuple[str, int], list[tuple[str, Any]]] = OrderedDict()

    def register(self, target: sqlite3.Connection) -> None:
        """Make the functions of the views known to a connection."""
        self._add(target, "runstore_time", 1, _time)
        self._add(target, "runstore_state", 1, lambda run: self._run(run).state)
        self._add(target, "runstore_counts", 2, self._counts)
        self._add(target, "runstore_items", 2, self._count_items)
        for place, name in enumerate(("key", "value")):
            self._add(target, f"runstore_item_{name}", 3, self._item_part(place))
        for kind, series in self._series.items():
            self._add(target, f"runstore_{kind}_keys", 1, self._count_keys(series))
            self._add(target, f"runstore_{kind}_key", 1, series.key)
            self._add(target, f"runstore_{kind}_pages", 1, series.pages)
            self._add(target, f"runstore_{kind}_rows", 1, series.rows)
            # Asked for each point, and so without the wrapper: what can fail has failed when the page was begun.
            target.create_function(f"runstore_{kind}_step", 2, series.step, deterministic=True)
            target.create_function(f"runstore_{kind}_value", 2, series.value, deterministic=True)

    def _add(self, target: sqlite3.Connection, name: str, arguments: int, answer: Callable[..., Any]) -> None:
        def remembering(*question: Any) -> Any:
            try:
                return answer(*question)
            except Exception as error:
                self.failure = error
                raise

        target.create_function(name, arguments, remembering, deterministic=True)

    def _renew(self) -> None:
        """Forget what was read of another state of the database. A view asks for numbers of keys or items first."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._items.clear()
            for series in self._series.values():
                series.forget()

    def _run(self, run: int) -> StoredRun:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        return StoredRun(self._connection, cursor.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone())

    def _counts(self, run: int, log: int) -> bool:
        """Whether a log is one of those that count in its run, not another copy of one."""
        return any(piece.log == log for piece in pieces_of(self._connection, run))

    def _count_keys(self, series: PagedSeries) -> Callable[[int], int]:
        def count(run: int) -> int:
            self._renew()
            return series.keys(run)

        return count

    def _count_items(self, part: str, run: int) -> int:
        self._renew()
        return len(self._items_of(part, run))

    def _item_part(self, part: int) -> Callable[[str, int, int], Any]:
        return lambda tree, run, place: self._items_of(tree, run)[place][part]

    def _items_of(self, part: str, run: int) -> list[tuple[str, Any]]:
        items = self._items.get((part, run))
        if items is None:
            stored = self._run(run)
            items = flat_items(stored.config if part == "config" else dict(stored.summary))
            self._items[part, run] = items
            if len(self._items) > _KEPT_TREES:
                self._items.popitem(last=False)
        return items


def _time(seconds: float | None) -> str | None:
    """Return a moment as the Api shows it; None for one that no calendar has."""
    try:
        return None if seconds is None else iso(seconds)
    except (ValueError, OverflowError, OSError):
        return None
