"""Histograms of several runs over their steps, as heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.media.histograms import HeatMap, heat_map
from runstore.web.asking import Asked
from runstore.web.routes.media import asked_key, asked_runs
from runstore.web.site import Site

_STEPS = 150
_BINS = 60


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.ask("/api/media/histograms", histograms)]


def histograms(api: Api, asked: Asked) -> object:
    """Answer with the histograms of each run under a key: steps that are spread evenly over it, on one grid of bins."""
    key = asked_key(asked)
    found = {ref: heat_map(api.connection, run.place, key, _STEPS, _BINS) for ref, run in asked_runs(api, asked)}
    return {"maps": {ref: None if one is None else _json(one) for ref, one in found.items()}}


def _json(found: HeatMap) -> dict[str, Any]:
    """Return shares of the fullest bin in thousandths: as much as shades of a colour tell apart."""
    most = float(found.counts.max()) or 1.0
    return {
        "steps": found.steps,
        "low": found.low,
        "high": found.high,
        "most": most,
        "shares": (found.counts * (1000 / most)).round().astype(int).tolist(),
    }
