"""What is in a version: the entries of its artifact, of all parts where several processes made it, and of its bases."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runstore.core.rescued import list_blob
from runstore.index.artifacts.manifestfile import entries_in
from runstore.query.artifacts.version import Version


class Entry(NamedTuple):
    """One file or reference; `size` in bytes, `ref` and `local_path` "" where there is none.

    `log` is the run log that names it: the bytes of a file lie in the folder `blobs` beside that.
    """

    path: str
    digest: str
    size: int
    ref: str
    local_path: str
    extra: dict[str, Any]
    log: Path


_MOST_DIRECTORIES = 100

# Where the file with a manifest may be, given where its log says that it was, and the log.
ManifestPlaces = Callable[[Path, Path], Iterable[Path]]


def on_this_machine(named: Path, log: Path) -> tuple[Path, ...]:
    """Return files beside the log, since run directories are moved, and the one that the log names."""
    blobs = log.parent / "blobs"
    return blobs / named.name, blobs / list_blob(str(named)), named


def entries_of(
    connection: sqlite3.Connection, version: Version, manifests: ManifestPlaces = on_this_machine
) -> list[Entry]:
    """Return all that is in a version, in order of path; `manifests` says where those are that no record holds.

    Raises ManifestMissing where such a one is nowhere.
    """
    by_path: dict[str, Entry] = {}
    for sources in reversed(list(_layers(connection, version))):
        for log, place in sources:
            by_path.update((entry.path, entry) for entry in artifact_entries(connection, log, place, manifests))
    return [by_path[path] for path in sorted(by_path)]


def directories_with(connection: sqlite3.Connection, version: Version) -> tuple[str, ...]:
    """Return run directories in which the bytes of a version may lie: of all that logged it, and of copies of these.

    Those of the versions below it are among them. Of very many, some.
    """
    found: dict[str, None] = {}
    at = _at_home(connection, version)
    while at is not None and len(found) < _MOST_DIRECTORIES:
        paths = connection.execute(
            "SELECT DISTINCT l.path FROM members AS m JOIN artifacts AS a ON a.client_id = m.client_id"
            " JOIN logs AS l ON l.id = a.log WHERE m.collection = ? AND m.number = ? AND a.digest <> '' LIMIT ?",
            (*at, _MOST_DIRECTORIES),
        )
        found.update((os.path.dirname(path), None) for (path,) in paths)
        query = "SELECT base FROM versions WHERE collection = ? AND number = ?"
        (base,) = connection.execute(query, at).fetchone()
        at = None if base is None else (at[0], base)
    return tuple(found)


def _layers(connection: sqlite3.Connection, version: Version) -> Iterator[list[tuple[int, int]]]:
    """Yield log and place of the artifacts that make up a version, then those of the one below it, and so on."""
    at = _at_home(connection, version)
    if at is None:  # of a link whose own collection doesn't have it any more
        yield [(version.log, version.place)]
    while at is not None:
        query = "SELECT log, place, base FROM versions WHERE collection = ? AND number = ?"
        *source, base = connection.execute(query, at).fetchone()
        query = (
            "SELECT p.log, p.place FROM parts AS p JOIN artifacts AS a ON a.log = p.log AND a.place = p.place"
            " LEFT JOIN moves AS m ON m.log = a.log AND m.place = a.move"
            " WHERE p.collection = ? AND p.number = ? ORDER BY coalesce(m.made_ns, a.time * 1000000000), a.client_id"
        )
        yield connection.execute(query, at).fetchall() or [(source[0], source[1])]
        at = None if base is None else (at[0], base)


def _at_home(connection: sqlite3.Connection, version: Version) -> tuple[int, int] | None:
    """Return row and number of a version in the collection that it was logged into."""
    query = (
        "SELECT collection, number FROM versions WHERE log = ? AND place = ? AND linked = 0"
        " ORDER BY removed, number DESC LIMIT 1"
    )
    found = connection.execute(query, (version.log, version.place)).fetchone()
    return None if found is None else (found[0], found[1])


def artifact_entries(
    connection: sqlite3.Connection, log: int, place: int, manifests: ManifestPlaces = on_this_machine
) -> Iterator[Entry]:
    """Yield what one record of an artifact, at this place of the log with this row, says that is in it.

    Raises ManifestMissing as `entries_of` does.
    """
    query = "SELECT path, manifest_file FROM artifacts JOIN logs ON logs.id = log WHERE log = ? AND place = ?"
    path, manifest_file = connection.execute(query, (log, place)).fetchone()
    if manifest_file:
        named, said_by = Path(manifest_file), Path(path)
        yield from _from_file(manifests(named, said_by), named, said_by)
        return
    query = "SELECT path, digest, size, ref, local_path, extra FROM artifact_entries WHERE log = ? AND place = ?"
    for name, digest, size, ref, local_path, extra in connection.execute(query, (log, place)):
        yield Entry(name, digest, size, ref, local_path, json.loads(extra), Path(path))


def _from_file(places: Iterable[Path], named: Path, log: Path) -> Iterator[Entry]:
    for entry in entries_in(places, named):
        size, digest = entry.get("size", 0), entry.get("digest", "")
        ref, local_path = entry.get("ref", ""), entry.get("local_path", "")
        yield Entry(entry["path"], digest, size, ref, local_path, entry.get("extra", {}), log)
