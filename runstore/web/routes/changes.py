"""What changed since the last answer: all that a page asks for again and again."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.changes import Changes
from runstore.web.asking import Asked
from runstore.web.refs import run_ref
from runstore.web.site import Site


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    followed = Changes()

    def changes(api: Api, asked: Asked) -> object:
        """Answer with the runs that changed since `since`, the cursor of the last answer."""
        found = followed.since(api.connection, asked.text("since", ""))
        return {
            "cursor": found.cursor,
            "runs": [run_ref(run) for run in found.runs],
            "listed": found.listed,
            "everything": found.everything,
            "live": found.live,
            **({"trouble": site.watch.trouble} if site.watch.trouble else {}),
        }

    return [site.get("/api/changes", changes)]
