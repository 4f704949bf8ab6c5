"""The projects that runs are in."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.projectlist import listed_projects
from runstore.web.asking import Asked
from runstore.web.refs import project_ref
from runstore.web.site import Site


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.get("/api/projects", projects)]


def projects(api: Api, asked: Asked) -> object:
    """Answer with all projects, the one that was used last first."""
    return [
        {
            "ref": project_ref(one.entity, one.name),
            "entity": one.entity,
            "name": one.name,
            "runs": one.runs,
            "running": one.running,
            "created_at": one.created_at,
            "active_at": one.active_at,
        }
        for one in listed_projects(api.connection)
    ]
