"""Logged tables: a page of rows at a time, filtered and sorted here, and the columns that custom charts are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.media.cells import MOST_WHOLE_TEXT, cell_of
from runstore.web.media.tablefiles import Found
from runstore.web.media.tableviews import NothingYet, Tables, columns_json, rows_json
from runstore.web.reading import run_of
from runstore.web.routes.media import asked_key, asked_runs, asked_step
from runstore.web.site import Site

_MOST_ROWS = 200  # of a page


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    tables = Tables(site)

    def rows(api: Api, asked: Asked) -> object:
        """Answer with a page of the table that a run has under a key at a step, or before it."""
        try:
            step, found = _asked_table(tables, api, asked)
        except NothingYet as nothing:  # the step was chosen for other panels: no error
            return {"nothing": str(nothing)}
        return {"step": step, **_page(found, asked)}

    def cell(api: Api, asked: Asked) -> object:
        """Answer with one cell in full: the row of this number, as it was logged."""
        _, (table, folder) = _asked_table(tables, api, asked)
        column, row = asked.body_text("column"), asked.body_number("row", len(table.rows) - 1, None)
        return cell_of(table.rows[row][table.place(column)], table.kinds.get(column), folder, MOST_WHOLE_TEXT)

    def chart(api: Api, asked: Asked) -> object:
        """Answer with what a custom chart is drawn from: of each run the columns that its fields name."""
        return tables.chart(api, asked_runs(api, asked), asked_key(asked), asked_step(asked))

    return [
        site.ask("/api/media/table", rows),
        site.ask("/api/media/cell", cell),
        site.ask("/api/media/chart", chart),
    ]


def _asked_table(tables: Tables, api: Api, asked: Asked) -> tuple[int | None, Found]:
    run: StoredRun = run_of(api, str(asked.body.get("ref")))
    return tables.at(api, run, asked_key(asked), asked_step(asked), asked.body.get("place"))


def _page(found: Found, asked: Asked) -> dict[str, Any]:
    table = found.table
    sort, wanted = asked.body_text("sort", ""), asked.body_text("filter", "")
    order = table.order(wanted, sort or None, asked.body.get("descending") is True)
    offset, limit = min(asked.body_number("offset"), len(order)), asked.body_number("limit", default=50)
    numbers = list(order[offset : offset + min(limit, _MOST_ROWS)])
    return {
        **columns_json(table),
        "total": len(table.rows),
        "matching": len(order),
        "offset": offset,
        "numbers": numbers,
        "rows": rows_json(found, numbers),
    }
