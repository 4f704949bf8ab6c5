"""The rows of what a log says of artifacts: those that it made or used, what is in them, and their moves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from runstore.core.facts import ArtifactEntry, ArtifactNamed
from runstore.core.moves import Move
from runstore.index.artifacts.places import Places

TABLES = ("artifact_entries", "artifacts", "moves")
LARGEST = (1 << 63) - 1  # that SQLite holds

_ARTIFACT = (
    *("log", "place", "time", "used", "type", "name", "version", "digest", "client_id", "description", "metadata"),
    *("aliases", "tags", "entries", "size", "manifest_file", "distributed_id", "finalize", "incremental"),
    *("ttl_seconds", "algorithm", "move"),
)
_ENTRY = ("log", "place", "path", "digest", "size", "ref", "local_path", "extra")
_MOVE = (
    *("log", "place", "made_ns", "client_id", "entity", "project", "collection", "version", "linked", "removed"),
    *("base", "aliases", "dropped", "change"),
)


def write_artifacts(
    connection: sqlite3.Connection, log: int, said: Sequence[tuple[ArtifactNamed | Move, float]]
) -> Places:
    """Write what a log says, in its order, behind what it said before; return where that begins."""
    first = Places(_next_place(connection, "artifacts", log), _next_place(connection, "moves", log))
    moves: list[tuple[Any, ...]] = []
    artifacts: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    with_move: dict[tuple[str, str], int] = {}  # place of the last move by client id and collection
    for fact, time in said:
        if isinstance(fact, Move):
            place = first.move + len(moves)
            moves.append((log, place, *_move_row(fact)))
            if not fact.linked:
                with_move[fact.client_id, fact.collection.name] = place
            continue
        key = fact.client_id, fact.name
        move = with_move.get(key) if key in with_move or not first.move else _move_before(connection, log, *key)
        place = first.artifact + len(artifacts)
        artifacts.append((log, place, *_artifact_row(fact, time), move))
        entries += [(log, place, *_entry_row(entry)) for entry in fact.entries or ()]
    _insert(connection, "moves", _MOVE, moves)
    _insert(connection, "artifacts", _ARTIFACT, artifacts)
    _insert(connection, "artifact_entries", _ENTRY, entries)
    return first


def _move_before(connection: sqlite3.Connection, log: int, client_id: str, collection: str) -> int | None:
    """Return the last move of an artifact that came with an earlier piece of the log."""
    (place,) = connection.execute(
        "SELECT max(place) FROM moves WHERE log = ? AND client_id = ? AND collection = ? AND linked = 0",
        (log, client_id, collection),
    ).fetchone()
    return None if place is None else int(place)


def _move_row(move: Move) -> tuple[Any, ...]:
    named = {"description": move.description, "metadata": move.metadata, "ttl_seconds": move.ttl_seconds}
    change: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if move.tags is not None:
        change["tags"] = list(move.tags)
    return (
        move.made_ns,
        move.client_id,
        *move.collection,
        move.version,
        int(move.linked),
        int(move.removed),
        move.base,
        _json(move.aliases),
        _json(move.dropped),
        _json(change),
    )


def _artifact_row(artifact: ArtifactNamed, time: float) -> tuple[Any, ...]:
    entries = artifact.entries
    return (
        time,
        int(artifact.used),
        artifact.type,
        artifact.name,
        artifact.version,
        artifact.digest,
        artifact.client_id,
        artifact.description,
        artifact.metadata,
        _json(artifact.aliases),
        _json(artifact.tags),
        None if entries is None else len(entries),
        None if entries is None else _size(entries),
        artifact.manifest_file,
        artifact.distributed_id,
        int(artifact.finalize),
        int(artifact.incremental),
        artifact.ttl_seconds,
        artifact.algorithm,
    )


def _entry_row(entry: ArtifactEntry) -> tuple[Any, ...]:
    return entry.path, entry.digest, entry.size, entry.ref, entry.local_path, entry.extra


def _size(entries: Sequence[ArtifactEntry]) -> int:
    return min(sum(max(0, entry.size) for entry in entries), LARGEST)


def _next_place(connection: sqlite3.Connection, table: str, log: int) -> int:
    (place,) = connection.execute(f"SELECT coalesce(max(place) + 1, 0) FROM {table} WHERE log = ?", (log,)).fetchone()
    return int(place)


def _insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    if rows:
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
