"""Media of runs: which keys there are, at which steps, and what is there at a step, for several runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from starlette.routing import BaseRoute

from runstore.errors import UsageError
from runstore.query.api import Api
from runstore.query.media.customcharts import CustomChart, custom_charts
from runstore.query.media.keys import media_keys, media_steps
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.chosen import runs_chosen
from runstore.web.media.folders import RunFolder
from runstore.web.media.overlays import Labels
from runstore.web.media.valueat import value_at
from runstore.web.media.views import kind_of, view_of
from runstore.web.site import Site

_MOST_RUNS = 100
_LARGEST_STEP = (1 << 63) - 1  # of the index
_MOST_STEPS = 20_000  # of one key and run; of more, those that are spread evenly


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def at(api: Api, asked: Asked) -> object:
        """Answer with what each run has under a key at a step: the last value at or before it, as a page draws it."""
        key, step = asked_key(asked), asked_step(asked)
        return {"values": {ref: _shown(site, api, run, key, step) for ref, run in asked_runs(api, asked)}}

    return [site.ask("/api/media", keys), site.ask("/api/media/steps", steps), site.ask("/api/media/at", at)]


def keys(api: Api, asked: Asked) -> object:
    """Answer with the keys of all these runs that hold media, in order, and with the runs that have each."""
    runs = asked_runs(api, asked)
    found: dict[str, dict[str, Any]] = {}
    for place, (_, run) in enumerate(runs):
        types = media_keys(api.connection, run.place, run.summary)
        charts = custom_charts(run.rawconfig)
        for key, kind in _panels(types, charts).items():
            panel = found.setdefault(key, {"key": key, "kind": kind, "runs": []})
            panel["runs"].append(place)
    return {
        "runs": [{"ref": ref, "name": run.name} for ref, run in runs],
        "keys": [found[key] for key in sorted(found)],
    }


def steps(api: Api, asked: Asked) -> object:
    """Answer with the steps at which each run has a value of this key; all but the first as distances."""
    key = asked_key(asked)
    found = {}
    for ref, run in asked_runs(api, asked):
        chart = custom_charts(run.rawconfig).get(key)
        every = media_steps(api.connection, run.place, chart.table_key if chart else key)
        if len(every) > _MOST_STEPS:
            every = every[np.linspace(0, len(every) - 1, _MOST_STEPS).round().astype(np.int64)]
        found[ref] = np.diff(every, prepend=0)
    return {"steps": found}


def asked_runs(api: Api, asked: Asked) -> list[tuple[str, StoredRun]]:
    """Return the runs that are asked for; those that are gone meanwhile are left out. Raises UsageError."""
    return list(runs_chosen(api, asked, _MOST_RUNS).items())


def asked_key(asked: Asked) -> str:
    """Return the key that is asked for. Raises UsageError."""
    return asked.body_text("key")


def asked_step(asked: Asked) -> int | None:
    """Return the step that is asked for; None means the last one. Raises UsageError."""
    step = asked.body.get("step")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int) or abs(step) > _LARGEST_STEP):
        raise UsageError("step is a whole number, or null for the last one")
    return step


def _panels(types: dict[str, str], charts: dict[str, CustomChart]) -> dict[str, str]:
    """Return the kind of each panel; a chart stands in the place of its table."""
    kinds = {key: kind_of(media_type) for key, media_type in types.items()}
    for chart in charts.values():
        if kinds.get(chart.table_key) == "table":
            del kinds[chart.table_key]
            kinds[chart.key] = "chart"
    return kinds


def _shown(site: Site, api: Api, run: StoredRun, key: str, step: int | None) -> object:
    found = value_at(run, key, step)
    if found is None:
        return None
    view = view_of(found.value, RunFolder(site, api, run), Labels(key, run.rawconfig))
    return {"step": found.step, **view}
