"""The versions that a run logged and used, a line each, without making an Artifact of any."""

from __future__ import annotations

from typing import NamedTuple

from runstore.query.artifacts.overview import ListedVersion, listed
from runstore.query.artifacts.registry import Registry


class OfRun(NamedTuple):
    """An artifact of a run. `version` is None where its own log is not here: then only what the run says is known.

    `at` is when it was logged or used, seconds since the epoch.
    """

    name: str
    type: str
    at: float
    version: ListedVersion | None


def artifacts_of_run(known: Registry, run: int, *, used: bool) -> list[OfRun]:
    """Return what the run with this row in `runs` used, or else logged, each version once, in the order of its logs."""
    rows = known.connection.execute(
        "SELECT a.client_id, a.name, a.version, a.type, a.time FROM artifacts AS a JOIN logs AS l ON l.id = a.log"
        " WHERE l.run = ? AND a.used = ? ORDER BY l.started_at, a.log, a.place",
        (run, int(used)),
    ).fetchall()
    found: dict[str, OfRun] = {}
    for client_id, name, number, kind, at in rows:
        version = known.by_client_id(client_id)
        if version is None:
            said = f"{name}:{number}" if number else name
            found.setdefault(f"{said} {client_id}", OfRun(said, kind, at, None))
        elif version.qualified_name not in found:
            (line,) = listed(known, [version])
            found[version.qualified_name] = OfRun(version.name, version.type, at, line)
    return list(found.values())
