"""The hub's answers about artifacts, from the index that it keeps beside its logs, and never from a path in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from runstore.core.artifactname import ArtifactName
from runstore.core.rescued import list_blob
from runstore.errors import ArtifactNotFound
from runstore.index.indexer import Indexer
from runstore.query.artifacts.contents import Entry, entries_of
from runstore.query.artifacts.registry import Registry, Version
from runstore.query.artifacts.standing import said_of
from runstore.syncd.hub.reader import Delivered, EntryFacts


class IndexedArtifacts:
    """Read an index for many threads at once: each question has a connection of its own."""

    def __init__(self, index: Path) -> None:
        self._index = index

    def version(self, name: ArtifactName, entity: str, project: str, kind: str | None) -> dict[str, Any]:
        """Return the facts of the version that a name means; raises ArtifactNotFound and WrongArtifact."""
        with self._open() as (registry, connection):
            return _facts(registry, connection, registry.find(name, entity=entity, project=project, type=kind))

    def entries(self, client_id: str, after: str, most: int, delivered: Delivered) -> list[EntryFacts]:
        """Return entries of an artifact in order of path; raises ArtifactNotFound.

        Those of a manifest that was too large for its record are in a file, which is among the delivered ones.
        """
        with self._open() as (registry, connection):
            version = registry.by_client_id(client_id)
            if version is None:
                raise ArtifactNotFound(f"no artifact {client_id[:40]!r} is known here")

            def places(named: Path, log: Path) -> list[Path]:
                return [path for name in (named.name, list_blob(str(named))) for path in delivered(_log_id(log), name)]

            found = (entry for entry in entries_of(connection, version, places) if entry.path > after)
            return [_entry(entry) for entry in islice(found, most)]

    @contextmanager
    def _open(self) -> Iterator[tuple[Registry, sqlite3.Connection]]:
        registry = Registry(indexer := Indexer(self._index))
        try:
            yield registry, indexer.connection
        finally:
            registry.close()


def _facts(registry: Registry, connection: sqlite3.Connection, version: Version) -> dict[str, Any]:
    query = "SELECT entries, size FROM artifacts WHERE log = ? AND place = ?"
    entries, size = connection.execute(query, (version.log, version.place)).fetchone()
    source = registry.by_client_id(version.client_id) if version.linked else None
    return {
        "entity": version.collection.entity,
        "project": version.collection.project,
        "name": version.collection.name,
        "version": version.number,
        "type": version.type,
        "client_id": version.client_id,
        "digest": version.digest,
        "created_ns": version.created_ns,
        "aliases": list(version.aliases),
        "run": list(version.run),
        "source": [*source.collection, source.number] if source else None,
        "entries": entries,
        "size": size,
        **asdict(said_of(connection, version)),
    }


def _entry(entry: Entry) -> EntryFacts:
    return EntryFacts(
        entry.path, entry.digest, entry.size, entry.ref, entry.local_path, _log_id(entry.log), dict(entry.extra)
    )


def _log_id(log: Path) -> str:
    """Return the id of a log that the hub keeps: its folder is called by it."""
    return log.parent.name
