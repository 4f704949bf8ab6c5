"""Make sdk's Artifact of what the index knows, so that one that is looked up is as one that was just logged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.core.artifactname import ArtifactName, parse_artifact_name
from runstore.core.moves import CollectionPath
from runstore.errors import ArtifactNotFound
from runstore.query.artifacts.elsewhere import artifact_elsewhere
from runstore.query.artifacts.registry import Entry, Registry, Version
from runstore.query.artifacts.standing import iso, said_of
from runstore.query.artifacts.version import versions_of

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.artifacts.stored import StoredEntry


@contextmanager
def registry(index: Path | None = None) -> Iterator[Registry]:
    """Open the registry, brought up to date, and close it at the end."""
    opened = Registry.open(index)
    try:
        yield opened
    finally:
        opened.close()


def artifact_named(
    name: str,
    *,
    entity: str,
    project: str,
    type: str | None = None,  # noqa: A002 - W&B's name for it
    index: Path | None = None,
) -> Artifact:
    """Return the artifact that a name means to somebody in `entity` and `project`.

    Where this machine does not know it, the hubs are asked that the user has named. Raises ArtifactNotFound, naming the
    nearest, CommError where a hub can't be asked, and WrongArtifact for what is no name, or of another type.
    """
    with registry(index) as known:
        return artifact_in(known, name, entity, project, type, index)


def artifact_in(
    known: Registry, name: str, entity: str, project: str, kind: str | None = None, index: Path | None = None
) -> Artifact:
    """Return the artifact that a name means, from a registry that is up to date; otherwise as `artifact_named`."""
    wanted = parse_artifact_name(name)
    try:
        return restored(known, known.find(wanted, entity=entity, project=project, type=kind), index)
    except ArtifactNotFound:
        found = artifact_elsewhere(wanted, entity, project, kind) if index is None else None
        if found is None:
            raise
        return found


def artifact_of(client_id: str, index: Path | None = None) -> Artifact | None:
    """Return the artifact with this client id, where it was logged; None where no log here says so."""
    with registry(index) as known:
        version = known.by_client_id(client_id)
        return None if version is None else restored(known, version, index)


def version_in(collection: CollectionPath, number: int, index: Path | None = None) -> Artifact:
    """Return the version of a collection with this number. Raises ArtifactNotFound."""
    wanted = ArtifactName(collection.entity, collection.project, collection.name, f"v{number}")
    with registry(index) as known:
        return restored(known, known.find(wanted, entity="", project=""), index)


def restored(known: Registry, version: Version, index: Path | None = None) -> Artifact:
    """Return a version as sdk's Artifact. Its entries are read when they are asked for."""
    return restored_from(known.connection, version, index)


def restored_from(connection: sqlite3.Connection, version: Version, index: Path | None = None) -> Artifact:
    """Return a version as sdk's Artifact, from an index as it is."""
    from runstore.sdk.artifacts import life
    from runstore.sdk.artifacts.standing import Logged, Place
    from runstore.sdk.artifacts.stored import StoredManifest

    said = said_of(connection, version)
    source = next(iter(versions_of(connection, version.client_id)), None) if version.linked else None
    logged = Logged(
        version.collection.entity,
        version.collection.project,
        version.run.run_id,
        iso((source or version).created_ns),
        list(version.aliases),
        said.tags,
        version.number,
        None if source is None else Place(*source.collection, source.number),
        said.updated_at,
        iso(version.created_ns) if version.linked else None,
        index=index,
    )
    manifest = StoredManifest(lambda: _entries(version, index), version.digest, said.algorithm)
    return life.restored(
        life.Stored(
            *(version.collection.name, version.type, version.client_id, manifest, logged),
            *(said.description, said.metadata, said.ttl_seconds, said.incremental, said.distributed_id),
        )
    )


def _entries(version: Version, index: Path | None) -> list[StoredEntry]:
    """Return what is in a version, read now."""
    with registry(index) as known:
        # The rows of a log may be others since: an index is built anew, a run directory moved.
        now = known.by_client_id(version.client_id) or version
        found, directories = known.entries(now), known.directories_with(now)
    return [stored_entry(entry, directories) for entry in found]


def stored_entry(entry: Entry, directories: tuple[str, ...] = ()) -> StoredEntry:
    """Return an entry of the index as one of sdk's; its bytes may be in one of these run directories, too.

    Raises WrongArtifact for a path that leads out of the artifact.
    """
    from runstore.sdk.artifacts.stored import StoredEntry

    return StoredEntry(
        entry.path,
        entry.digest,
        entry.ref or None,
        entry.size or (None if entry.ref else 0),  # a record says 0 where it is not known
        entry.local_path or None,
        extra=entry.extra,
        run_directory=str(entry.log.parent),
        other_directories=directories,
    )
