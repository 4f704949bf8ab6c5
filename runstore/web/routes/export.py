"""Runs as one HTML file, to be saved and sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.web.asking import Asked
from runstore.web.chosen import runs_chosen
from runstore.web.curves import MOST_LINES
from runstore.web.site import Site


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def export(api: Api, asked: Asked) -> object:
        """Answer with a page of these runs as text, and what to call the file."""
        from runstore.web.export.exporting import exported, file_name  # which imports many routes itself

        runs = list(runs_chosen(api, asked, MOST_LINES).values())
        html = exported(api, runs, site)
        return {"name": file_name(runs), "html": html.decode()}

    return [site.ask("/api/export", export)]
