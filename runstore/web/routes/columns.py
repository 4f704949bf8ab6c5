"""The keys of a project: columns to choose from, and what the filter box completes, without asking at each letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.filter_fields import FIELDS, STATES
from runstore.query.api import Api
from runstore.query.runkeys import Key, keys_of_project
from runstore.web.asking import Asked
from runstore.web.refs import parse_project_ref
from runstore.web.site import Site


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [site.get("/api/columns", columns)]


def columns(api: Api, asked: Asked) -> object:
    """Answer with the fields that every run has, and the keys of config and summary of the project `ref`."""
    keys = keys_of_project(api.connection, *parse_project_ref(asked.text("ref")))
    return {
        "fields": [name for name, field in FIELDS.items() if name == field],
        "short": {name: field for name, field in FIELDS.items() if name != field},
        "states": STATES,
        "tags": keys.tags,
        "config": _columnar(keys.config),
        "summary": _columnar(keys.summary),
    }


def _columnar(keys: Mapping[str, Key]) -> dict[str, list[Any]]:
    return {
        "keys": list(keys),
        "runs": [key.runs for key in keys.values()],
        "numbers": [key.numbers == key.runs for key in keys.values()],
        "values": [key.values for key in keys.values()],
    }
