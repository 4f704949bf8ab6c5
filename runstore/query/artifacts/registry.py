"""What local disk knows of artifacts: which version a name means, and which number is free for the next one.

Every process that sees the logs can bring the index up to date by itself, so a name means the same in all of them as
soon as the log says so. Whoever logs an artifact holds the lock of this machine while it looks for a number and writes
its records: two that do it at once on one machine get two numbers. What other machines claimed meanwhile, the fold of
`core.versions` settles.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runstore.core.artifactname import ArtifactName
from runstore.core.identity import RunPath
from runstore.core.manifest import content_digest
from runstore.core.moves import CollectionPath
from runstore.errors import IndexUnusable, WrongArtifact
from runstore.index.connection import IndexConnection
from runstore.index.indexer import Indexer
from runstore.paths import default_root
from runstore.query.artifacts.claims import Claim, only_claim
from runstore.query.artifacts.contents import Entry, ManifestPlaces, directories_with, entries_of, on_this_machine
from runstore.query.artifacts.missing import no_collection, no_version
from runstore.query.artifacts.version import Version, versions_of, versions_where

__all__ = ["Claim", "Entry", "Registry", "Version"]


class Registry:
    """The collections of this machine's index. For one thread at a time."""

    def __init__(self, indexer: Indexer, manifests: ManifestPlaces = on_this_machine) -> None:
        """Answer from an index as it is; whoever opened it brings it up to date, and closes it.

        `manifests` says where the lists of files are that are too long for a record.
        """
        self._indexer = indexer
        self.manifests = manifests
        self._connection = indexer.connection

    @classmethod
    def open(cls, index: Path | None = None, *, within_seconds: float | None = None) -> Registry:
        """Return the registry of the index at `index`, by default this machine's, brought up to date.

        Raises IndexUnusable and StorageError, also where that takes longer than `within_seconds`.
        """
        indexer = Indexer(index, until=None if within_seconds is None else time.monotonic() + within_seconds)
        try:
            registry = cls(indexer)
            registry.catch_up()
        except BaseException:
            indexer.close()
            raise
        return registry

    @property
    def connection(self) -> IndexConnection:
        """The index, for what is asked of it beside."""
        return self._connection

    def catch_up(self) -> None:
        """Bring the index up to date with the logs."""
        self._indexer.catch_up_known(default_root())

    def close(self) -> None:
        """Let the index go."""
        self._indexer.close()

    def find(self, name: ArtifactName, *, entity: str, project: str, type: str | None = None) -> Version:  # noqa: A002
        """Return the version that a name means to somebody in `entity` and `project`.

        Raises ArtifactNotFound, naming the nearest, and WrongArtifact for one of another type.
        """
        asked = CollectionPath.of(
            entity if name.entity is None else name.entity,
            project if name.project is None else name.project,
            name.collection,
        )
        row = self._row_of(asked, any_entity=name.entity is None)
        if row is None:
            raise no_collection(self._connection, name, asked)
        found = self._aliased(row, name)
        if found is None:
            raise no_version(self._connection, name, row)
        if type is not None and found.type != type:
            raise WrongArtifact(f"artifact {found.qualified_name} is of type {found.type!r}, not {type!r}")
        return found

    @contextmanager
    def claiming(
        self,
        collection: CollectionPath,
        digest: str,
        *,
        own: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Iterator[Claim]:
        """Give a number for content of this digest, and keep others of this machine from claiming one meanwhile.

        The records are to be in the log before the context is left. `log` is the run log that they go to, for which
        those who come next must know to look. `own` are the digests by path of an incremental artifact's own entries:
        then `digest` does not count, but that of these and of the latest version's. Raises IndexUnusable where the
        index can't be written, or time is up.
        """
        if self._connection.read_only:
            raise IndexUnusable(f"{self._indexer.path}: the index can't be written there, so no number can be claimed")
        with only_claim(self._indexer.path, self._connection.until):
            self.catch_up()
            if log is not None:
                self._indexer.catch_up(log)
            yield self._claim(collection, digest, own)

    def versions(self, collection: CollectionPath) -> list[Version]:
        """Return all versions of a collection, the newest first."""
        row = self._row(collection)
        if row is None:
            return []
        return versions_where(self._connection, "v.collection = ? ORDER BY v.number DESC", (row,))

    def collections(self, entity: str, project: str, type: str | None = None) -> list[CollectionPath]:  # noqa: A002
        """Return the collections of a project, in order of name; with `type`, only those of this one."""
        found = self._connection.execute(
            "SELECT entity, project, name FROM collections WHERE entity = ? AND project = ? AND ? IN (type, '')"
            " ORDER BY name",
            (*CollectionPath.of(entity, project, "")[:2], type or ""),
        )
        return [CollectionPath(*path) for path in found]

    def types(self, entity: str, project: str) -> list[str]:
        """Return the types of a project's collections, in order."""
        found = self._connection.execute(
            "SELECT DISTINCT type FROM collections WHERE entity = ? AND project = ? ORDER BY type",
            CollectionPath.of(entity, project, "")[:2],
        )
        return [kind for (kind,) in found]

    def entries(self, version: Version) -> list[Entry]:
        """Return all that is in a version, in order of path. Raises ManifestMissing where its list of them is gone."""
        return entries_of(self._connection, version, self.manifests)

    def directories_with(self, version: Version) -> tuple[str, ...]:
        """Return run directories in which bytes of a version may lie: of all that logged it, and of copies of these."""
        return directories_with(self._connection, version)

    def by_client_id(self, client_id: str) -> Version | None:
        """Return the version that an artifact became where it was logged; None where no log here says so."""
        return next(iter(versions_of(self._connection, client_id)), None)

    def used_by(self, version: Version) -> list[RunPath]:
        """Return the runs that used a version, in order of time."""
        found = self._connection.execute(
            "SELECT r.entity, r.project, r.run_id FROM members AS m JOIN artifacts AS a ON a.client_id = m.client_id"
            " JOIN logs AS l ON l.id = a.log JOIN runs AS r ON r.id = l.run"
            " WHERE m.collection = ? AND m.number = ? AND a.used = 1 GROUP BY r.id ORDER BY min(a.time), r.run_id",
            (self._row(version.collection), version.number),
        )
        return [RunPath(*path) for path in found]

    def _claim(self, collection: CollectionPath, digest: str, own: Mapping[str, str] | None) -> Claim:
        row = self._row(collection)
        if row is None:
            return Claim(0, max(time.time_ns(), self._last_move(collection) + 1), None, None)
        query = "SELECT next_number, last_ns FROM collections WHERE id = ?"
        number, last_ns = self._connection.execute(query, (row,)).fetchone()
        latest = self._aliased(row, ArtifactName(None, None, "")) or self._newest(row)
        if own is not None and latest is not None:
            below = {entry.path: entry.digest for entry in self.entries(latest)}
            digest = content_digest({**below, **own})
        same = versions_where(self._connection, "v.collection = ? AND v.digest = ?", (row, digest))
        same_as = same[0] if same else None
        return Claim(same_as.number if same_as else number, max(time.time_ns(), last_ns + 1), same_as, latest)

    def _newest(self, row: int) -> Version | None:
        newest = versions_where(self._connection, "v.collection = ? ORDER BY v.number DESC LIMIT 1", (row,))
        return newest[0] if newest else None

    def _last_move(self, collection: CollectionPath) -> int:
        """Return the time of the last move of a collection that has no versions, 0 where there is none."""
        query = "SELECT max(made_ns) FROM moves WHERE collection = ? AND project = ? AND entity = ?"
        (last,) = self._connection.execute(query, (collection.name, collection.project, collection.entity)).fetchone()
        return int(last or 0)

    def _row_of(self, asked: CollectionPath, any_entity: bool) -> int | None:
        """Return the row of the collection that is meant; where no entity was asked for, that of another one serves."""
        row = self._row(asked)
        if row is not None:
            return row
        query = "SELECT id FROM collections WHERE project = ? AND name = ? AND (entity = '' OR ?)"
        found = self._connection.execute(query, (asked.project, asked.name, any_entity)).fetchall()
        return int(found[0][0]) if len(found) == 1 else None

    def _row(self, collection: CollectionPath) -> int | None:
        query = "SELECT id FROM collections WHERE entity = ? AND project = ? AND name = ?"
        found = self._connection.execute(query, tuple(collection)).fetchone()
        return None if found is None else int(found[0])

    def _aliased(self, row: int, name: ArtifactName) -> Version | None:
        number = name.version
        if number is None:
            query = "SELECT number FROM aliases WHERE collection = ? AND alias = ?"
            found = self._connection.execute(query, (row, name.alias)).fetchone()
            number = None if found is None else found[0]
        versions = versions_where(self._connection, "v.collection = ? AND v.number = ?", (row, number))
        return versions[0] if versions else None
