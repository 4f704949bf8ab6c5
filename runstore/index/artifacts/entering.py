"""Let what a log newly says of artifacts count in their collections.

Mostly it is later than all that was known of a collection, and is added to its rows. What is not, such as an old log
that turns up, or a claim of a number that is taken, leaves the collection to be computed anew (renewing.py), once, when
all logs are read. Both come to the same: what `core.versions` makes of all that is said.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from runstore.core.moves import CollectionPath, Move
from runstore.core.versions import Entrance, in_order
from runstore.index.artifacts.adding import Shelf
from runstore.index.artifacts.gathering import Source, linked_by, moves_behind
from runstore.index.artifacts.logged import LoggedRow, logged_behind
from runstore.index.artifacts.places import Places
from runstore.index.artifacts.stale import is_stale, linking_to, mark, named_by


def enter(connection: sqlite3.Connection, log: int, first: Places) -> None:
    """Add what a log says from these places on; the caller's transaction makes it whole."""
    named, others = named_by(connection, log, first), linking_to(connection, log, first)
    mark(connection, others)  # of what is linked to them more is known now
    logged = _logged(connection, log, first.artifact)
    moves: dict[CollectionPath, list[Move]] = {}
    for move in moves_behind(connection, log, first.move):
        moves.setdefault(move.collection, []).append(move)
    for collection in sorted(named - others):
        rows = logged.get(collection, [])
        if is_stale(connection, collection) or not _add(connection, collection, rows, moves.get(collection, [])):
            mark(connection, [collection])


def _logged(connection: sqlite3.Connection, log: int, place: int) -> dict[CollectionPath, list[LoggedRow]]:
    """Return what a log logged from this place on, by collection: nothing before it is known whose it is."""
    query = "SELECT r.entity, r.project FROM logs AS l JOIN runs AS r ON r.id = l.run WHERE l.id = ?"
    home = connection.execute(query, (log,)).fetchone()
    found: dict[CollectionPath, list[LoggedRow]] = {}
    for name, row in logged_behind(connection, log, place) if home else ():
        found.setdefault(CollectionPath(home[0], home[1], name), []).append(row)
    return found


def _add(
    connection: sqlite3.Connection, collection: CollectionPath, rows: Sequence[LoggedRow], moves: Sequence[Move]
) -> bool:
    """Add to a collection; return False where it is to be computed anew instead."""
    if any(row.incremental or row.distributed_id for row in rows):
        return False
    sources: dict[Entrance, Source] = {}
    for row in rows:
        entrance = Entrance(row.made_ns, row.client_id, row.digest, row.claim, row.aliases)
        sources.setdefault(entrance, Source(row.log, row.place, row.type))
    for move in moves:
        if move.linked and not move.removed:
            sources.update(linked_by(connection, move))
    shelf = Shelf(connection, collection)
    ordered = in_order(sources, moves)
    if not ordered or ordered[0].made_ns <= shelf.last_ns or shelf.has_other_moves(len(moves)):
        return False
    for said in ordered:
        if isinstance(said, Move):
            shelf.move(said)
        elif not shelf.enter(said, sources[said]):
            return False
    shelf.close(ordered[-1].made_ns)
    return True
