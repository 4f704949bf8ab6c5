"""Add to the rows of a collection what happened later than all that was known of it.

Each method does what `core.versions` does with the same, and says False where only computing all anew can tell: then
the rows are left half-changed, and are to be written anew.
"""

from __future__ import annotations

import sqlite3

from runstore.core.moves import CollectionPath, Move
from runstore.core.versions import LATEST, Entrance
from runstore.index.artifacts.gathering import Source
from runstore.index.artifacts.renewing import collection_row, new_collection_row


class Shelf:
    """The rows of one collection, while something is added to them."""

    def __init__(self, connection: sqlite3.Connection, collection: CollectionPath) -> None:
        """Look at a collection; one that has no rows yet gets some when something enters."""
        self._connection, self._collection = connection, collection
        self._row = collection_row(connection, collection)
        self.last_ns = self._next_number = self._numbers = 0
        if self._row is not None:
            query = "SELECT next_number, numbers, last_ns FROM collections WHERE id = ?"
            found = connection.execute(query, (self._row,)).fetchone()
            self._next_number, self._numbers, self.last_ns = found

    def has_other_moves(self, count: int) -> bool:
        """Whether more than so many moves are known of a collection that nothing has entered."""
        if self._row is not None:
            return False
        path = self._collection.name, self._collection.project, self._collection.entity
        query = "SELECT count(*) FROM moves WHERE collection = ? AND project = ? AND entity = ?"
        return bool(self._connection.execute(query, path).fetchone()[0] > count)

    def enter(self, entrance: Entrance, source: Source) -> bool:
        """Let an artifact enter, as a new version or as one that is there."""
        if self._row is None:
            self._row = new_collection_row(self._connection, self._collection, source.type)
        query = "SELECT number FROM versions WHERE collection = ? AND digest = ? AND removed = 0"
        same = self._connection.execute(query, (self._row, entrance.digest)).fetchone()
        number = self._new_number(entrance.valid_claim) if same is None else int(same[0])
        if number is None or (same is not None and entrance.valid_claim not in (None, number)):
            return False
        if same is None:
            self._connection.execute(
                "INSERT INTO versions (collection, number, client_id, type, digest, created_ns, log, place, linked,"
                " removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    *(self._row, number, entrance.client_id, source.type, entrance.digest, entrance.made_ns),
                    *(source.log, source.place, int(source.linked)),
                ),
            )
            self._numbers += 1
            self._next_number = max(self._next_number, number + 1)
        member = (self._row, entrance.client_id, number)
        self._connection.execute(
            "INSERT OR REPLACE INTO members (collection, client_id, number) VALUES (?, ?, ?)", member
        )
        self._point(entrance.aliases, number)
        return True

    def move(self, move: Move) -> None:
        """Let aliases move, or remove a version."""
        query = "SELECT number FROM members WHERE collection = ? AND client_id = ?"
        member = self._connection.execute(query, (self._row, move.client_id)).fetchone()
        if member is None:
            return
        if move.removed:
            self._remove(member[0])
            return
        self._point(move.aliases, member[0])
        self._connection.executemany(
            "DELETE FROM aliases WHERE collection = ? AND alias = ? AND number = ?",
            [(self._row, alias, member[0]) for alias in move.dropped],
        )

    def close(self, last_ns: int) -> None:
        """Note that all is added up to this time."""
        if self._row is not None:
            self._connection.execute(
                "UPDATE collections SET next_number = ?, numbers = ?, last_ns = ? WHERE id = ?",
                (self._next_number, self._numbers, last_ns, self._row),
            )

    def _new_number(self, claim: int | None) -> int | None:
        """Return the number of a version that is new; None where it is not the next one, nor one that is free."""
        if claim is None:
            return self._next_number if self._numbers == self._next_number else None
        query = "SELECT 1 FROM versions WHERE collection = ? AND number = ?"
        return claim if self._connection.execute(query, (self._row, claim)).fetchone() is None else None

    def _point(self, aliases: tuple[str, ...], number: int) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO aliases (collection, alias, number) VALUES (?, ?, ?)",
            [(self._row, alias, number) for alias in aliases],
        )

    def _remove(self, number: int) -> None:
        at = self._row, number
        query = "SELECT 1 FROM aliases WHERE collection = ? AND number = ? AND alias = ?"
        was_latest = self._connection.execute(query, (*at, LATEST)).fetchone() is not None
        self._connection.execute("UPDATE versions SET removed = 1 WHERE collection = ? AND number = ?", at)
        for table in ("members", "aliases"):
            self._connection.execute(f"DELETE FROM {table} WHERE collection = ? AND number = ?", at)
        query = "SELECT number FROM versions WHERE collection = ? AND removed = 0 ORDER BY number DESC LIMIT 1"
        highest = self._connection.execute(query, (self._row,)).fetchone() if was_latest else None
        if highest is not None:
            self._point((LATEST,), highest[0])
