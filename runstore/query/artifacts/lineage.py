"""Which runs made and used an artifact, and where it is linked: questions that an Artifact asks of the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runstore.core.identity import RunPath
from runstore.core.moves import CollectionPath
from runstore.errors import NotFound
from runstore.query.artifacts.restoring import registry, restored
from runstore.query.artifacts.version import versions_of

if TYPE_CHECKING:
    from runstore.query.artifacts.collections import ArtifactCollection
    from runstore.query.stored.run import StoredRun
    from runstore.sdk.artifacts.artifact import Artifact


def number_of(client_id: str, index: Path | None) -> int | None:
    """Return the number of the version that an artifact became; None where no log here says so."""
    with registry(index) as known:
        version = known.by_client_id(client_id)
        return None if version is None else version.number


def logged_by(client_id: str, index: Path | None) -> StoredRun | None:
    """Return the run that logged an artifact first; None where it is not known here."""
    with registry(index) as known:
        version = known.by_client_id(client_id)
        path = None if version is None else version.run
    found = _runs([path] if path is not None else [], index)
    return found[0] if found else None


def used_by(client_id: str, index: Path | None) -> list[StoredRun]:
    """Return the runs that used an artifact, under whichever name, in order of time."""
    with registry(index) as known:
        versions = versions_of(known.connection, client_id)
        paths = list(dict.fromkeys(path for version in versions for path in known.used_by(version)))
    return _runs(paths, index)


def links_of(client_id: str, index: Path | None) -> list[Artifact]:
    """Return an artifact as each collection has it that it was linked to."""
    with registry(index) as known:
        versions = versions_of(known.connection, client_id)
        return [restored(known, version, index) for version in versions if version.linked]


def collection_of(entity: str, project: str, name: str, kind: str, index: Path | None) -> ArtifactCollection:
    """Return a collection, as Api().artifact_collection does."""
    from runstore.query.artifacts.collections import ArtifactCollection

    return ArtifactCollection(CollectionPath.of(entity, project, name), kind, index)


def _runs(paths: list[RunPath], index: Path | None) -> list[StoredRun]:
    from runstore.query.stock import Api

    api = Api(index=index, refresh=False)
    found = []
    for path in paths:
        try:
            found.append(api.run("/".join(part for part in path if part)))
        except NotFound:  # its logs are gone since
            continue
    return found
