"""What pages show of the tables that runs logged: rows of one, and the columns that custom charts are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.media.customcharts import CustomChart, custom_charts
from runstore.query.media.tables import NotATable, Table
from runstore.query.stored.run import StoredRun
from runstore.web.media.cells import MOST_TEXT, cell_of
from runstore.web.media.tablefiles import Found, TableFiles
from runstore.web.media.valueat import value_at
from runstore.web.site import Site

_MOST_COLUMNS = 200
_MOST_POINTS = 10_000  # of a chart, of all runs together; as many as W&B's pages draw


class NothingYet(NotFound):
    """A table is asked for at a step before its first."""


class Tables:
    """The tables that runs have under their keys, and those behind their charts."""

    def __init__(self, site: Site, files: TableFiles | None = None) -> None:
        self._site, self._files = site, files or TableFiles()

    def at(
        self, api: Api, run: StoredRun, key: str, step: int | None = None, place: object = None
    ) -> tuple[int | None, Found]:
        """Return the table under a key, or behind a chart, at a step or before it; None: at the last one.

        Of a list of tables it is the one at `place`. Raises NothingYet, NotFound and NotATable.
        """
        charts = custom_charts(run.rawconfig)
        if key in charts:
            key = charts[key].table_key
        found = value_at(run, key, step)
        value = found.value if found is not None else None
        if isinstance(value, list) and isinstance(place, int) and 0 <= place < len(value):
            value = value[place]  # one of several tables that were logged together
        if found is None:
            raise NothingYet(f"nothing was logged as {key} up to that step")
        if not isinstance(value, dict):
            raise NotFound(f"run {run.id} has no table {key!r} at that step")
        return found.step, self._files.table(self._site, api, run, value)

    def chart(
        self, api: Api, runs: Sequence[tuple[str, StoredRun]], key: str, step: int | None = None
    ) -> dict[str, Any]:
        """Return what a custom chart is drawn from: of each run the columns that its fields name. Raises NotFound."""
        drawn: dict[str, Any] = {}
        chart: CustomChart | None = None
        for ref, run in runs:
            own = custom_charts(run.rawconfig).get(key)
            if own is None:
                continue
            chart = chart or own
            try:
                at, (table, _) = self.at(api, run, key, step)
                drawn[ref] = {"step": at, **_columns(table, own, _MOST_POINTS // max(len(runs), 1))}
            except (NotFound, NotATable) as error:
                drawn[ref] = {"error": str(error)}
        if chart is None:
            raise NotFound(f"none of these runs has a chart {key!r}")
        return {"definition": chart.definition, "texts": chart.texts, "fields": chart.fields, "runs": drawn}


def columns_json(table: Table) -> dict[str, Any]:
    """Return the columns that are shown, and how many there are."""
    columns = [{"name": name, "kind": table.kinds.get(name)} for name in table.columns[:_MOST_COLUMNS]]
    return {"columns": columns, "all_columns": len(table.columns)}


def rows_json(found: Found, numbers: Iterable[int], most_text: int = MOST_TEXT) -> list[list[Any]]:
    """Return rows of these numbers, cell by cell, under the columns that are shown."""
    table, folder = found
    kinds = [table.kinds.get(column) for column in table.columns[:_MOST_COLUMNS]]
    return [
        [cell_of(cell, kind, folder, most_text) for cell, kind in zip(table.rows[number], kinds, strict=False)]
        for number in numbers
    ]


def _columns(table: Table, chart: CustomChart, most: int) -> dict[str, Any]:
    """Return the columns of the chart's fields, by field; of more rows than there is room for the first."""
    found: dict[str, Sequence[Any]] = {}
    for name, column in chart.fields.items():
        if column in table.columns:
            place = table.columns.index(column)
            found[name] = [_plain(row[place]) for row in table.rows[:most]]
    return {"columns": found, "rows": min(len(table.rows), most), "of": len(table.rows)}


def _plain(cell: Any) -> Any:
    if isinstance(cell, float):
        return float(f"{cell:.5g}") if abs(cell) < float("inf") else None
    return cell if cell is None or isinstance(cell, (int, bool)) else str(cell)[:200]
