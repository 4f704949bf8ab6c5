"""Which collections are to be computed anew, since more is said of them than their versions show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from runstore.core.moves import CollectionPath
from runstore.index.artifacts.places import BEFORE_ALL, EVERYTHING, Places


def mark(connection: sqlite3.Connection, collections: Iterable[CollectionPath]) -> None:
    """Note that these are to be computed anew; the caller's transaction makes it whole."""
    connection.executemany("INSERT OR IGNORE INTO stale_collections VALUES (?, ?, ?)", collections)


def is_stale(connection: sqlite3.Connection, collection: CollectionPath) -> bool:
    """Whether a collection is to be computed anew already."""
    query = "SELECT 1 FROM stale_collections WHERE entity = ? AND project = ? AND name = ?"
    return connection.execute(query, tuple(collection)).fetchone() is not None


def mark_those_of(connection: sqlite3.Connection, log: int) -> None:
    """Note that all collections are to be computed anew that a log says something of."""
    mark(connection, named_by(connection, log) | linking_to(connection, log, BEFORE_ALL))


def named_by(connection: sqlite3.Connection, log: int, first: Places = EVERYTHING) -> set[CollectionPath]:
    """Return the collections that a log says something of, from these places on: those of its run, and of its moves."""
    home = connection.execute(
        "SELECT DISTINCT r.entity, r.project, a.name FROM artifacts AS a JOIN logs AS l ON l.id = a.log"
        " JOIN runs AS r ON r.id = l.run WHERE a.log = ? AND a.place >= ? AND a.digest <> ''",
        (log, first.artifact),
    ).fetchall()
    moved = connection.execute(
        "SELECT DISTINCT entity, project, collection FROM moves WHERE log = ? AND place >= ?", (log, first.move)
    ).fetchall()
    return {CollectionPath(*path) for path in (*home, *moved)}


def linking_to(connection: sqlite3.Connection, log: int, first: Places = EVERYTHING) -> set[CollectionPath]:
    """Return where the artifacts were linked to before, by whatever log, that a log logged from this place on.

    And where others of these names are linked to, if their content depends on more than one record.
    """
    linked = connection.execute(
        "SELECT DISTINCT m.entity, m.project, m.collection FROM artifacts AS a"
        " JOIN moves AS m ON m.client_id = a.client_id AND m.linked = 1"
        " WHERE a.log = ? AND a.place >= ? AND a.digest <> '' AND NOT (m.log = a.log AND m.place >= ?)",
        (log, first.artifact, first.move),
    ).fetchall()
    query = "SELECT DISTINCT name FROM artifacts WHERE log = ? AND place >= ?"
    names = [name for (name,) in connection.execute(query, (log, first.artifact)).fetchall()]
    composed = {path for name in names for path in _linked_composed(connection, name)}
    return composed | {CollectionPath(*path) for path in linked}


def _linked_composed(connection: sqlite3.Connection, name: str) -> Iterator[CollectionPath]:
    """Yield where artifacts of this name are linked to whose content depends on that of others."""
    for composed in ("incremental = 1", "distributed_id <> ''"):
        found = connection.execute(
            "SELECT DISTINCT m.entity, m.project, m.collection FROM artifacts AS a"
            f" JOIN moves AS m ON m.client_id = a.client_id AND m.linked = 1 WHERE a.name = ? AND a.{composed}",
            (name,),
        )
        yield from (CollectionPath(*path) for path in found.fetchall())


def stale_collections(connection: sqlite3.Connection) -> list[CollectionPath]:
    """Return the collections that are to be computed anew."""
    query = "SELECT entity, project, name FROM stale_collections ORDER BY entity, project, name"
    return [CollectionPath(*path) for path in connection.execute(query)]
