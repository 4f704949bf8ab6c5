"""Compute a collection anew from all that is said of it: its versions, members and aliases."""

from __future__ import annotations

import sqlite3
import time

from runstore.core.moves import CollectionPath
from runstore.core.versions import Numbering, numbered
from runstore.index.artifacts.gathering import Gathered, gathered
from runstore.index.artifacts.stale import stale_collections

_OF_COLLECTION = ("versions", "parts", "members", "aliases")


def renew_some(connection: sqlite3.Connection, seconds: float) -> None:
    """Compute stale collections anew, one at least, for about so long; the caller's transaction makes it whole."""
    until = time.monotonic() + seconds
    for collection in stale_collections(connection):
        renew(connection, collection)
        if time.monotonic() > until:
            return


def renew(connection: sqlite3.Connection, collection: CollectionPath) -> None:
    """Write the rows of a collection; one that has no versions has none. The caller's transaction makes it whole."""
    found = gathered(connection, collection)
    made = numbered(found.entrances, found.moves)
    known = collection_row(connection, collection)
    for table in _OF_COLLECTION if known is not None else ():
        connection.execute(f"DELETE FROM {table} WHERE collection = ?", (known,))
    if made.versions:
        known = known or new_collection_row(connection, collection)
        _write(connection, known, found, made)
    elif known is not None:
        connection.execute("DELETE FROM collections WHERE id = ?", (known,))
    connection.execute("DELETE FROM stale_collections WHERE entity = ? AND project = ? AND name = ?", tuple(collection))


def collection_row(connection: sqlite3.Connection, collection: CollectionPath) -> int | None:
    """Return the row of a collection in `collections`, None where there is none."""
    query = "SELECT id FROM collections WHERE entity = ? AND project = ? AND name = ?"
    found = connection.execute(query, tuple(collection)).fetchone()
    return None if found is None else int(found[0])


def new_collection_row(connection: sqlite3.Connection, collection: CollectionPath, kind: str = "") -> int:
    """Make the row of a collection that has none, and return it."""
    cursor = connection.execute(
        "INSERT INTO collections (entity, project, name, type, next_number, numbers, last_ns)"
        " VALUES (?, ?, ?, ?, 0, 0, 0)",
        (*collection, kind),
    )
    return cursor.lastrowid or 0


def _write(connection: sqlite3.Connection, row: int, found: Gathered, made: Numbering) -> None:
    first = min(made.versions.values(), key=lambda version: (version.first.made_ns, version.first.client_id)).first
    connection.execute(
        "UPDATE collections SET type = ?, next_number = ?, numbers = ?, last_ns = ? WHERE id = ?",
        (found.sources[first].type, max(made.versions) + 1, len(made.versions), found.last_ns, row),
    )
    connection.executemany(
        "INSERT INTO versions (collection, number, client_id, type, digest, created_ns, log, place, linked, removed,"
        " base) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(row, number, version.first.client_id, source.type, version.first.digest, version.first.made_ns),
                *(source.log, source.place, int(source.linked), int(version.removed)),
                None if source.base is None else made.entered[source.base].number,
            )
            for number, version in made.versions.items()
            for source in (found.sources[version.first],)
        ],
    )
    parts = [
        (row, number, *part) for number, version in made.versions.items() for part in found.sources[version.first].parts
    ]
    connection.executemany("INSERT INTO parts (collection, number, log, place) VALUES (?, ?, ?, ?)", parts)
    members = [(row, client_id, number) for client_id, number in made.numbers.items()]
    connection.executemany("INSERT INTO members (collection, client_id, number) VALUES (?, ?, ?)", members)
    aliases = [(row, alias, number) for alias, number in made.aliases.items()]
    connection.executemany("INSERT INTO aliases (collection, alias, number) VALUES (?, ?, ?)", aliases)
