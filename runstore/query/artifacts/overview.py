"""Collections and their versions in a line each: how many, how large, how old."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from runstore.core.moves import CollectionPath
from runstore.core.times import iso
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.query.artifacts.registry import Registry, Version
from runstore.query.artifacts.version import versions_where

_NS = 1_000_000_000


class ListedVersion(NamedTuple):
    """A version, with the number of its entries and their bytes; None where its log does not say."""

    version: Version
    files: int | None
    size: int | None

    def as_json(self) -> dict[str, Any]:
        """Return what is said of it, in JSON's types."""
        version = self.version
        return {
            "name": version.qualified_name,
            "entity": version.collection.entity,
            "project": version.collection.project,
            "collection": version.collection.name,
            "version": f"v{version.number}",
            "aliases": list(version.aliases),
            "type": version.type,
            "files": self.files,
            "size": self.size,
            "digest": version.digest,
            "created_at": iso(version.created_ns / _NS),
            "linked": version.linked,
            "run": str(version.run),
        }


class ListedCollection(NamedTuple):
    """A collection, with the number of its versions, and the newest of them."""

    path: CollectionPath
    type: str
    versions: int
    newest: ListedVersion

    def as_json(self) -> dict[str, Any]:
        """Return what is said of it, in JSON's types; all but its names and `versions` is of the newest version."""
        newest = {**self.newest.as_json(), "name": str(self.path), "type": self.type}
        return {**newest, "versions": self.versions}


def listed(known: Registry, versions: Iterable[Version]) -> list[ListedVersion]:
    """Return versions with their sizes."""
    return [ListedVersion(version, *_size(known, version)) for version in versions]


def listed_collections(
    known: Registry,
    kind: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    wanted: Callable[[CollectionPath, str], bool] = lambda path, kind: True,
) -> list[ListedCollection]:
    """Return the collections of a type, entity and project, each of which None leaves open, in order of their paths.

    Of these the ones whose path and type are `wanted`. Those of which all versions were removed are left out.
    """
    counts = known.connection.execute(
        "SELECT c.entity, c.project, c.name, c.type, count(*) FROM collections AS c"
        " JOIN versions AS v ON v.collection = c.id WHERE v.removed = 0 AND ? IN (c.type, '')"
        " AND ? IN (c.entity, '') AND ? IN (c.project, '') GROUP BY c.id ORDER BY c.entity, c.project, c.name",
        (kind or "", entity or "", project or ""),
    ).fetchall()
    newest = {version.collection: version for version in _newest(known)}
    every = [(CollectionPath(*row[:3]), str(row[3]), int(row[4])) for row in counts]
    paths = [each for each in every if wanted(*each[:2])]
    found = listed(known, [newest[path] for path, _, _ in paths])
    return [ListedCollection(*each, version) for each, version in zip(paths, found, strict=True)]


def _newest(known: Registry) -> list[Version]:
    where = "v.number = (SELECT max(number) FROM versions WHERE collection = v.collection AND removed = 0)"
    return versions_where(known.connection, where, ())


def _size(known: Registry, version: Version) -> tuple[int | None, int | None]:
    """Return how many entries a version has, and their bytes; the entries are counted only where no record says it."""
    query = "SELECT entries, size, incremental OR distributed_id <> '' FROM artifacts WHERE log = ? AND place = ?"
    entries, size, is_composed = known.connection.execute(query, (version.log, version.place)).fetchone()
    if not is_composed and entries is not None:
        return entries, size
    try:
        found = known.entries(version)
    except ManifestMissing:
        return entries, size
    return len(found), sum(entry.size for entry in found)
