"""The table of a project's runs: filtered, ordered and cut to pages here, so that 10,000 runs scroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.identity import RunPath
from runstore.errors import NotFound, UsageError, WrongFilter
from runstore.query.api import Api
from runstore.query.blame import blame
from runstore.query.listing import Column
from runstore.query.runkeys import default_columns
from runstore.query.runtable import TableRequest, cells, columns_named, count_runs, found_runs
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.reading import run_of
from runstore.web.refs import parse_project_ref, run_ref
from runstore.web.site import Site

_MOST_ROWS = 500
_MOST_COLUMNS = 200
_MOST_FILTER = 20_000  # characters: a list of a thousand ids, and no more conditions than are looked at in a second
# What tells a run apart wherever it is named; a table has these whatever its columns.
_ALWAYS = ("name", "state", "created_at")


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.ask("/api/runs", runs, may_hold_expression)]


def may_hold_expression(asked: Asked) -> bool:
    """Return whether the filter of a question may have a regular expression in it: these stand between slashes."""
    return "/" in str(asked.body.get("filter", ""))


def filter_of(asked: Asked) -> str:
    """Return the filter of a question. Raises UsageError for a book."""
    text = asked.body.get("filter", "")
    if not isinstance(text, str) or len(text) > _MOST_FILTER:
        raise UsageError(f"filter is a text of {_MOST_FILTER:,} characters at most")
    return text


def runs(api: Api, asked: Asked) -> object:
    """Answer with one page of the runs of `project` that fulfil `filter`, in the order `sort`.

    `columns` are names as filters have them; without them those that tell the newest runs apart. `also` are refs of
    runs that are wanted whatever the filter says. A filter that is wrong is no error: the answer says where.
    """
    entity, project = parse_project_ref(asked.body_text("project"))
    names = asked.body_texts("columns", _MOST_COLUMNS)
    if names is None:
        names = default_columns(api.connection, entity, project)
    columns = columns_named([*_ALWAYS, *names])
    request = TableRequest(entity, project, filter_of(asked), asked.body_texts("sort", 10) or ())
    answer: dict[str, Any] = {
        "all": count_runs(api.connection, entity, project),
        "columns": [column.name for column in columns[len(_ALWAYS) :]],
        "also": _rows(_known(api, asked.body_texts("also", _MOST_ROWS) or []), columns),
    }
    try:
        offset, limit = asked.body_number("offset"), asked.body_number("limit", _MOST_ROWS)
        if not limit:
            return answer
        found = found_runs(api, request)
        if not found and answer["all"] and request.filter:
            answer["terms"] = [asdict(term) for term in blame(api, entity, project, request.filter)]
        shown = found[offset : offset + limit]
        for run in shown:
            api.unread.show(run)
        return {**answer, "found": len(found), "rows": _rows(shown, columns)}
    except WrongFilter as error:
        return {**answer, "wrong": {"sentence": error.sentence, "column": error.column}}


def _rows(runs: Sequence[StoredRun], columns: Sequence[Column]) -> dict[str, Any]:
    refs = [run_ref(RunPath(run.entity, run.project, run.id)) for run in runs]
    return {"refs": refs, "cells": cells(runs, columns)}


def _known(api: Api, refs: Sequence[str]) -> list[StoredRun]:
    """Return the runs of these refs that there are still."""
    found = []
    for ref in refs:
        try:
            found.append(run_of(api, ref))
        except NotFound:
            continue
    return found
