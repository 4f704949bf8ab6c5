"""Metrics of many runs, as the page draws them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.query.charting.against import on_metric
from runstore.query.charting.grid import on_steps
from runstore.query.charting.groups import grouped
from runstore.query.charting.keys import step_metric
from runstore.query.charting.lines import Grid
from runstore.query.charting.machine import RELATIVE, WALL, of_machine
from runstore.query.points.columns import STEP
from runstore.web.asking import Asked
from runstore.web.chosen import connection_of, runs_chosen
from runstore.web.curves import MOST_LINES, Wanted, line_json
from runstore.web.fitting import fitting
from runstore.web.site import Site

_MOST_CHARTS = 24
_MOST_GROUPED = 1000
_WIDEST = 1 << 62
# Of more runs than these only what stands out of a line is drawn beside it, and not the range of each bucket.
_WITH_RANGES = 5


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.ask("/api/charts", charts)]


def charts(api: Api, asked: Asked) -> object:
    """Answer with the lines of some metrics of some runs; lines name their run by its place among `refs`.

    `charts` is a list of what `Wanted` describes, so that one request serves all charts that come into view.
    """
    wanted = [Wanted.of(one) for one in _listed(asked)]
    chosen = runs_chosen(api, asked, _MOST_GROUPED if all(one.groups for one in wanted) else MOST_LINES)
    if not chosen:
        return {"charts": [{"key": one.key, "x": one.x or STEP, "width": 1, "lines": []} for one in wanted]}
    connection = connection_of(chosen)
    places = {run.place: number for number, ref in enumerate(asked.body["refs"]) if (run := chosen.get(ref))}
    return {"charts": [_chart(connection, places, one) for one in wanted]}


def _listed(asked: Asked) -> list[Mapping[str, Any]]:
    found = asked.body.get("charts")
    if not isinstance(found, list) or len(found) > _MOST_CHARTS or not all(isinstance(one, dict) for one in found):
        raise UsageError(f"charts is a list of {_MOST_CHARTS} at most, each with its key")
    return found


def _chart(connection: sqlite3.Connection, places: Mapping[int, int], wanted: Wanted) -> object:
    most = max(len(places), len(wanted.system))
    return fitting(wanted, most, lambda one: _grid(connection, places, one), lambda *fine: _sent(places, wanted, *fine))


def _sent(places: Mapping[int, int], wanted: Wanted, grid: Grid, digits: int) -> object:
    named = {line.run: line.run for line in grid.lines} if wanted.system or wanted.groups else places
    with_ranges = bool(wanted.ranges or wanted.groups) or len(named) <= _WITH_RANGES
    lines = []
    for line in grid.lines:
        place = named[line.run]
        after = wanted.after[place] if place < len(wanted.after) else None
        sent = line_json(grid, line, with_ranges=with_ranges, with_spikes=not wanted.groups, after=after, digits=digits)
        lines.append({"run": place, **sent})
    found = {"key": wanted.key, "x": grid.x, "width": grid.width, "lines": lines}
    return found | {"lacking": [places[run] for run in grid.lacking]} if grid.lacking else found


def _grid(connection: sqlite3.Connection, places: Mapping[int, int], wanted: Wanted) -> Grid:
    runs, window, buckets = list(places), wanted.window, wanted.buckets
    if wanted.system:
        x = WALL if wanted.x == WALL else RELATIVE
        return of_machine(connection, runs[0], wanted.system, x, window, wanted.width, buckets)
    x = wanted.x or step_metric(connection, places, wanted.key)
    if x == STEP:
        if wanted.width is not None and wanted.width > _WIDEST:
            raise UsageError(f"width, in steps, is {_WIDEST:,} at most")
        width = None if wanted.width is None else int(wanted.width)
        grid = on_steps(connection, runs, wanted.key, window, width, buckets)
    else:
        grid = on_metric(connection, runs, wanted.key, x, window, wanted.width, buckets)
    if not wanted.groups:
        return grid
    rows = {place: run for run, place in places.items()}
    return grouped(grid, [[rows[place] for place in group if place in rows] for group in wanted.groups], wanted.spread)
