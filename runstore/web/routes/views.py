"""Saved views of a project: by what it is filtered, ordered and drawn, under a name."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.paths import home_folder
from runstore.query.api import Api
from runstore.web.asking import Asked
from runstore.web.site import Site
from runstore.web.views import Views

_NAME = "ui-views.json"


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    index = site.reader.index
    kept = Views((index.parent if index else home_folder()) / _NAME)

    def views(api: Api, asked: Asked) -> object:
        """Answer with the views of the project `ref`."""
        return {"views": kept.of(asked.text("ref")), "can_save": not site.is_read_only}

    def save(api: Api, asked: Asked) -> object:
        """Keep a view of the project `ref`: its `name`, and `query`, the parameters of its address."""
        return {"views": kept.save(asked.body_text("ref"), asked.body_text("name"), asked.body_text("query"))}

    def remove(api: Api, asked: Asked) -> object:
        """Forget a view of the project `ref` by its `name`."""
        return {"views": kept.remove(asked.body_text("ref"), asked.body_text("name"))}

    return [
        site.get("/api/views", views),
        site.change("/api/views/save", save),
        site.change("/api/views/remove", remove),
    ]
