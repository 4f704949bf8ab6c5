"""The projects as a page shows them: how many runs each has, how many of these are running, when it was used last."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass

from runstore.query.filtering.brief import states_of

_PROJECTS = (
    "SELECT entity, project, count(*), min(created_at), max(heartbeat_at) FROM runs GROUP BY entity, project"
    " ORDER BY max(heartbeat_at) DESC, entity, project"
)


@dataclass(frozen=True)
class ListedProject:
    """One project; times are in seconds since the epoch."""

    entity: str
    name: str
    runs: int
    running: int
    created_at: float
    active_at: float


def listed_projects(connection: sqlite3.Connection) -> list[ListedProject]:
    """Return all projects, the one that was used last first."""
    running = _running(connection)
    return [
        ListedProject(entity, name, runs, running[entity, name], created_at, active_at)
        for entity, name, runs, created_at, active_at in connection.execute(_PROJECTS)
    ]


def _running(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """Return how many runs of each project are running now."""
    query = "SELECT id, entity, project FROM runs WHERE exit_code IS NULL"
    places = {place: (entity, project) for place, entity, project in connection.execute(query)}
    states = states_of(connection, list(places))
    return Counter(project for place, project in places.items() if states.get(place) in ("running", "preempting"))
