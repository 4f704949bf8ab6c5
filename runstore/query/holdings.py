"""What an index holds in all: how many runs and logs, of how many bytes, and what of these was damaged."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Holdings(NamedTuple):
    """Sums over all logs. `latest` is the latest time that a record shows, seconds since the epoch; 0.0 of no run."""

    projects: int
    runs: int
    logs: int
    bytes: int
    records: int
    lost_bytes: int
    latest: float


def holdings(connection: sqlite3.Connection) -> Holdings:
    """Return what the index holds; costs a look at each row of `logs` and `runs`."""
    query = (
        "SELECT (SELECT count(*) FROM (SELECT DISTINCT entity, project FROM runs)), (SELECT count(*) FROM runs),"
        " count(*), coalesce(sum(indexed), 0), coalesce(sum(records), 0), coalesce(sum(lost_bytes), 0),"
        " coalesce((SELECT max(heartbeat_at) FROM runs), 0.0) FROM logs"
    )
    return Holdings(*connection.execute(query).fetchone())
