"""Whether anything is to be rescued: asked whenever logs were indexed, so it loads nothing of what rescuing needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

_OPEN = "FROM rescues WHERE outcome NOT IN ('kept', 'lost')"


def is_anything_open(connection: sqlite3.Connection, logs: Iterable[str] | None = None) -> bool:
    """Return whether of some file the last word has not been said, of the logs at these paths or of any log."""
    if logs is None:
        return connection.execute(f"SELECT 1 {_OPEN} LIMIT 1").fetchone() is not None
    query = f"SELECT 1 {_OPEN} AND log = (SELECT id FROM logs WHERE path = ?) LIMIT 1"
    return any(connection.execute(query, (log,)).fetchone() for log in logs)
