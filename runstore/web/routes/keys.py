"""Which metrics of some runs can be charted."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.charting.keys import chart_keys
from runstore.query.charting.machine import machine_keys
from runstore.web.asking import Asked
from runstore.web.chosen import connection_of, runs_chosen
from runstore.web.site import Site


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.ask("/api/keys", keys)]


def keys(api: Api, asked: Asked) -> object:
    """Answer with the metrics of the runs: name, how many of them have it, the x axis that was meant, if not the step.

    Metrics that `define_metric` hid are left out, as they are by W&B. With `system`, the answer is what was measured
    of the machine of the first of the runs.
    """
    chosen = runs_chosen(api, asked)
    if asked.body.get("system"):
        return {"keys": machine_keys(connection_of(chosen), next(iter(chosen.values())).place) if chosen else []}
    found = chart_keys(connection_of(chosen), [run.place for run in chosen.values()]) if chosen else []
    return {
        "keys": [one.key for one in found if not one.is_hidden],
        "runs": [len(one.runs) for one in found if not one.is_hidden],
        "x": {one.key: one.x for one in found if one.x != "_step"},
    }
