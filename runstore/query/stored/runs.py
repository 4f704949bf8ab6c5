"""The runs that fulfil a condition, as a sequence that is looked up when it is first used."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runstore.core.conditions import Condition, Order
from runstore.errors import UsageError
from runstore.query.filtering.select import places
from runstore.query.stored.pages import Pages
from runstore.query.stored.run import StoredRun, TakeIn

_FORMATS = ("default", "pandas", "polars")


class Runs(Pages[StoredRun]):
    """Runs in order; `len`, indexing, slices and iteration load them `per_page` at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        condition: Condition,
        order: Sequence[Order],
        per_page: int,
        below: Sequence[Path] | None = None,
        take_in: TakeIn | None = None,
    ) -> None:
        self._connection, self._take_in = connection, take_in
        super().__init__(lambda: places(connection, condition, order, below=below), self._loaded, per_page)

    def _loaded(self, ids: Sequence[int]) -> list[StoredRun]:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        marks = ", ".join("?" * len(ids))
        rows = {row["id"]: row for row in cursor.execute(f"SELECT * FROM runs WHERE id IN ({marks})", tuple(ids))}
        return [StoredRun(self._connection, rows[run], self._take_in) for run in ids if run in rows]

    def histories(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",  # noqa: A002 - W&B's name for it
        stream: str = "default",
    ) -> Any:
        """Return the rows of `history` of all runs, each with its `run_id`: a list, or a pandas or polars frame.

        Raises UsageError for another format, ImportError where the library is not installed.
        """
        if format not in _FORMATS:
            raise UsageError(f"histories have no format {format!r}; there are {', '.join(_FORMATS)}")
        rows = [
            {**row, "run_id": run.id}
            for run in self
            for row in run.history(samples=samples, keys=keys, x_axis=x_axis, pandas=False, stream=stream)
        ]
        if format == "default":
            return rows
        columns = sorted({key for row in rows for key in row})
        if format == "pandas":
            import pandas as frames

            return frames.DataFrame.from_records(rows, columns=columns)
        return _polars(rows, columns)

    def upgrade_to_full(self) -> None:
        """Do nothing: config and summary of every run are there anyhow."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({len(self)})>"


def _polars(rows: list[dict[str, Any]], columns: list[str]) -> Any:
    import polars

    return polars.DataFrame({key: [row.get(key) for row in rows] for key in columns}, strict=False)
