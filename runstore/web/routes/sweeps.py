"""Many runs by what they were configured with and what came of it: groups, and the plots of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.identity import RunPath
from runstore.errors import WrongFilter
from runstore.query.api import Api
from runstore.query.groups import Group, grouped, telling
from runstore.query.listing import Column
from runstore.query.runkeys import default_columns, keys_of_project
from runstore.query.runtable import TableRequest, cell, cells, columns_named, found_runs
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.refs import parse_project_ref, run_ref
from runstore.web.routes.runs import filter_of, may_hold_expression
from runstore.web.site import Site

_MOST_RUNS = 5_000  # of a plot, the newest; each is a line
_MOST_COLUMNS = 30
_MOST_GROUPS = 200
_MOST_REFS = 1_000  # of a group, for its charts
_MOST_METRICS = 3  # where nobody has chosen


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.ask("/api/sweep", sweep, may_hold_expression), site.ask("/api/groups", groups, may_hold_expression)]


def sweep(api: Api, asked: Asked) -> object:
    """Answer with `columns` of the newest runs of `project` that fulfil `filter`.

    Without columns, those of config in which the runs differ, and the first metrics of their summaries.
    """
    request = _request(asked)
    try:
        found = found_runs(api, request)
        runs = list(found[:_MOST_RUNS])
    except WrongFilter as error:
        return {"wrong": {"sentence": error.sentence, "column": error.column}}
    chosen = _columns(asked, "columns")
    columns = telling(runs, _default(api, request)) if chosen is None else chosen
    return {
        "total": len(found),
        "refs": [_ref(run) for run in runs],
        "names": [run.name for run in runs],
        "states": [run.state for run in runs],
        "columns": [column.name for column in columns],
        "values": cells(runs, columns),
    }


def groups(api: Api, asked: Asked) -> object:
    """Answer with the runs of `project` that fulfil `filter` by the value of the column `by`, and spreads of `metrics`.

    Without `by`, of a column of few values; without metrics, of the first of the summaries.
    """
    request = _request(asked)
    by = _columns(asked, "by") or [_few_valued(api, request)]
    metrics = _columns(asked, "metrics")
    if metrics is None:
        metrics = [column for column in _default(api, request) if column.name.startswith("summary.")][:_MOST_METRICS]
    try:
        runs = list(found_runs(api, request))
    except WrongFilter as error:
        return {"wrong": {"sentence": error.sentence, "column": error.column}}
    found = grouped(runs, by[0])
    return {
        "by": by[0].name,
        "metrics": [metric.name for metric in metrics],
        "runs": len(runs),
        "total": len(found),
        "groups": [_group_json(group, metrics) for group in found[:_MOST_GROUPS]],
    }


def _group_json(group: Group, metrics: Sequence[Column]) -> dict[str, Any]:
    return {
        "value": cell(group.value),
        "count": len(group.runs),
        "states": group.states(),
        "refs": [_ref(run) for run in group.runs[:_MOST_REFS]],
        "spreads": [group.spread(metric) for metric in metrics],
    }


def _request(asked: Asked) -> TableRequest:
    return TableRequest(*parse_project_ref(asked.body_text("project")), filter_of(asked))


def _columns(asked: Asked, name: str) -> list[Column] | None:
    """Return the columns that are asked for; None where nobody has chosen."""
    names = asked.body_texts(name, _MOST_COLUMNS)
    return None if names is None else columns_named(names)


def _default(api: Api, request: TableRequest) -> list[Column]:
    names = default_columns(api.connection, request.entity, request.project)
    return columns_named([name for name in names if name.startswith(("config.", "summary."))])


def _few_valued(api: Api, request: TableRequest) -> Column:
    """Return a column that makes few groups: of the config the first of few texts, else the group."""
    keys = keys_of_project(api.connection, request.entity, request.project).config
    few = [key for key, found in keys.items() if len(found.values) > 1]
    return columns_named([f"config.{few[0]}" if few else "group"])[0]


def _ref(run: StoredRun) -> str:
    return run_ref(RunPath(run.entity, run.project, run.id))
