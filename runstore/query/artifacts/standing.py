"""What is said of one version: as its record says it, and with what was changed of it since."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from runstore.query.artifacts.version import Version


@dataclass(frozen=True)
class Said:
    """The facts of a version. `ttl_seconds` is as in the record; `updated_at` in ISO 8601, UTC."""

    description: str
    metadata: dict[str, Any]
    tags: list[str]
    ttl_seconds: int
    updated_at: str
    incremental: bool
    algorithm: str
    distributed_id: str


def said_of(connection: sqlite3.Connection, version: Version) -> Said:
    """Return what is said of a version, the last word of each of its facts."""
    columns = "description, metadata, tags, ttl_seconds, incremental, algorithm, distributed_id"
    row = connection.execute(
        f"SELECT {columns} FROM artifacts WHERE log = ? AND place = ?", (version.log, version.place)
    ).fetchone()
    known = {"description": row[0], "metadata": row[1], "tags": json.loads(row[2]), "ttl_seconds": row[3]}
    updated_ns = version.created_ns
    moves = connection.execute(
        "SELECT made_ns, change FROM moves WHERE client_id IN"
        " (SELECT m.client_id FROM members AS m JOIN collections AS c ON c.id = m.collection"
        "  WHERE c.entity = ? AND c.project = ? AND c.name = ? AND m.number = ?) ORDER BY made_ns, client_id",
        (*version.collection, version.number),
    )
    for made_ns, change in moves:
        known.update(json.loads(change))
        updated_ns = max(updated_ns, made_ns)
    return Said(
        known["description"],
        json.loads(known["metadata"] or "{}"),
        known["tags"],
        known["ttl_seconds"],
        iso(updated_ns),
        *(bool(row[4]), row[5], row[6]),
    )


def iso(nanoseconds: int) -> str:
    """Return a time, nanoseconds since the epoch, in ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, timezone.utc).isoformat(timespec="seconds")
