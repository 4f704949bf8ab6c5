"""In what runs differ: config, summary, git, packages and the changes that were not committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.query.compare import Difference, compare, patch_difference
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.chosen import refs_of
from runstore.web.reading import run_of
from runstore.web.routes.run import named
from runstore.web.site import Site
from runstore.web.texts import texts_in

_MOST_RUNS = 50
# Of a patch that replaced a data file by another nobody reads all.
_MOST_PATCH_LINES = 5_000
_MOST_PATCH_BYTES = 1 << 20


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    text_of = texts_in(site.places)

    def differences(api: Api, asked: Asked) -> object:
        """Answer with the runs of `refs`, in this order, and with what tells them apart; with `all`, with what doesn't.

        What all runs agree in has one value, whose `same` is true.
        """
        runs = _runs(api, asked)
        rows = compare(runs, all_values=bool(asked.body.get("all")), text_of=text_of)
        return {"runs": [named(run) for run in runs], "rows": [_row(row) for row in rows]}

    def patch(api: Api, asked: Asked) -> object:
        """Answer with how the uncommitted changes of the second run differ from those of the first, as a diff."""
        runs = _runs(api, asked)
        if len(runs) != 2:
            raise UsageError("the changes of two runs are compared, no more and no less")
        lines = patch_difference(runs, texts_in(site.places, _MOST_PATCH_BYTES))
        return {"lines": lines[:_MOST_PATCH_LINES], "total": len(lines)}

    return [site.ask("/api/compare", differences), site.ask("/api/compare/patch", patch)]


def _row(row: Difference) -> dict[str, Any]:
    values = row.values if row.is_one else row.values[:1]
    return {"section": row.section, "key": row.key, "values": values, "same": not row.is_one}


def _runs(api: Api, asked: Asked) -> list[StoredRun]:
    refs = refs_of(asked, _MOST_RUNS)
    if not refs:
        raise UsageError("refs is a list of runs, of one at least")
    return [run_of(api, ref) for ref in refs]
