"""What the logs say of one collection: the artifacts that entered it, and its moves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from runstore.core.moves import CollectionPath, Move
from runstore.core.versions import Entrance
from runstore.index.artifacts.logged import home_of, logged_into
from runstore.index.artifacts.wholes import Whole, wholes


class Source(NamedTuple):
    """Where the facts of an artifact are, its log and place in `artifacts`, and what else a version has of them."""

    log: int
    place: int
    type: str
    linked: bool = False
    parts: tuple[tuple[int, int], ...] = ()  # where there are several
    base: Entrance | None = None


@dataclass
class Gathered:
    """All that is said of one collection. Of copies of one log the source is in the first by path."""

    entrances: list[Entrance] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    sources: dict[Entrance, Source] = field(default_factory=dict)

    @property
    def last_ns(self) -> int:
        """The time of the last of it, 0 for nothing."""
        times = [entrance.made_ns for entrance in self.entrances] + [move.made_ns for move in self.moves]
        return max(times, default=0)

    def enter(self, entrance: Entrance, source: Source) -> None:
        """Add an artifact; one that is there already, from a copy of its log, changes nothing."""
        if entrance not in self.sources:
            self.sources[entrance] = source
            self.entrances.append(entrance)


def gathered(connection: sqlite3.Connection, collection: CollectionPath) -> Gathered:
    """Return all that the logs say of a collection."""
    found = Gathered()
    entered: dict[int, Entrance] = {}  # by id of the whole
    for whole in wholes(connection, logged_into(connection, collection)):
        base = entered.get(id(whole.below))
        entered[id(whole)] = _enter(found, whole, base)
    found.moves = moves_of(connection, collection)
    for move in found.moves:
        if move.linked and not move.removed:
            for entrance, source in linked_by(connection, move):
                found.enter(entrance, source)
    return found


def linked_by(connection: sqlite3.Connection, move: Move) -> Iterator[tuple[Entrance, Source]]:
    """Yield the artifact that a move links: nothing where its log isn't here."""
    home = home_of(connection, move.client_id)
    if home is None:
        return
    collection, row = home
    digest = row.digest
    if row.incremental or row.distributed_id:
        digest = _digest_at_home(connection, collection, row.client_id)
    if digest:
        entrance = Entrance(move.made_ns, move.client_id, digest, move.version)
        yield entrance, Source(row.log, row.place, row.type, linked=True)


_COLUMNS = "entity, project, collection, made_ns, client_id, version, linked, removed, aliases, dropped"


def moves_of(connection: sqlite3.Connection, collection: CollectionPath) -> list[Move]:
    """Return the moves of a collection, in no order."""
    path = collection.name, collection.project, collection.entity
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM moves WHERE collection = ? AND project = ? AND entity = ?", path
    )
    return [_move(*columns) for columns in found]


def moves_behind(connection: sqlite3.Connection, log: int, place: int) -> list[Move]:
    """Return the moves that a log says from this place on, in its order."""
    query = f"SELECT {_COLUMNS} FROM moves WHERE log = ? AND place >= ? ORDER BY place"
    return [_move(*columns) for columns in connection.execute(query, (log, place))]


def _move(
    entity: str,
    project: str,
    name: str,
    made_ns: int,
    client_id: str,
    version: int | None,
    linked: int,
    removed: int,
    aliases: str,
    dropped: str,
) -> Move:
    return Move(
        made_ns,
        client_id,
        CollectionPath(entity, project, name),
        version=version,
        aliases=tuple(json.loads(aliases)),
        dropped=tuple(json.loads(dropped)),
        linked=bool(linked),
        removed=bool(removed),
    )


def _enter(found: Gathered, whole: Whole, base: Entrance | None) -> Entrance:
    """Add an artifact, and its parts as artifacts of the same content; return how it entered."""
    row, several = whole.row, len(whole.parts) > 1
    parts = tuple((part.log, part.place) for part in whole.parts) if several else ()
    entrance = Entrance(row.made_ns, row.client_id, whole.digest, row.claim, row.aliases)
    found.enter(entrance, Source(row.log, row.place, row.type, parts=parts, base=base))
    for part in whole.parts:
        if part is not row:
            behind = Entrance(row.made_ns + 1, part.client_id, whole.digest, None, part.aliases)
            found.enter(behind, found.sources[entrance])
    return entrance


def _digest_at_home(connection: sqlite3.Connection, collection: CollectionPath, client_id: str) -> str:
    """Return the digest of all that is in an artifact; "" of one that is not whole."""
    for whole in wholes(connection, logged_into(connection, collection)):
        if any(part.client_id == client_id for part in whole.parts):
            return whole.digest
    return ""
