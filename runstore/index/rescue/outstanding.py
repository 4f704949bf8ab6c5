"""Whether anything is to be rescued: asked whenever logs were indexed, so it loads nothing of what rescuing needs."""

from __future__ import annotations

import sqlite3


def is_anything_open(connection: sqlite3.Connection) -> bool:
    """Return whether there is a file of which the last word has not been said."""
    found = connection.execute("SELECT 1 FROM rescues WHERE outcome NOT IN ('kept', 'lost') LIMIT 1")
    return found.fetchone() is not None
