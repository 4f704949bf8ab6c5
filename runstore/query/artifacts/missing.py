"""What to say where an artifact is not there: what there is that is near to what was asked for."""

from __future__ import annotations

import sqlite3

from runstore.core.artifactname import ArtifactName
from runstore.core.moves import CollectionPath
from runstore.errors import ArtifactNotFound

_NEAR = 3
# So much alike must two names be; W&B's users mistype, they don't guess.
_LIKENESS = 0.5


def no_version(connection: sqlite3.Connection, name: ArtifactName, row: int) -> ArtifactNotFound:
    """Return the error for an alias or number that the collection with this row does not have."""
    said = f"artifact {str(name)!r} is not there: {name.collection!r} has no "
    if name.version is not None:
        return ArtifactNotFound(f"{said}version {name.alias}{_numbers(connection, row, name.version)}")
    known = [alias for (alias,) in connection.execute("SELECT alias FROM aliases WHERE collection = ?", (row,))]
    if not known:
        return ArtifactNotFound(f"{said}alias {name.alias!r}{_numbers(connection, row, None)}")
    near = ", ".join(repr(alias) for alias in _nearest(name.alias, known))
    return ArtifactNotFound(f"{said}alias {name.alias!r}; there {_is(near)} {near}")


def no_collection(connection: sqlite3.Connection, name: ArtifactName, path: CollectionPath) -> ArtifactNotFound:
    """Return the error for a name that no collection has."""
    said = f"artifact {str(name)!r} is not there: "
    in_project = _collections(connection, "entity = ? AND project = ?", (path.entity, path.project))
    alike = _alike(path.name, in_project)
    near = [str(CollectionPath(*row)) for row in in_project if row[2] in alike]
    if not near:
        anywhere = _collections(connection, "name = ?", (path.name,)) or _collections(connection, "1", ())
        alike = _alike(path.name, anywhere)
        near = [str(CollectionPath(*row)) for row in anywhere if row[2] in alike]
    where = f"{path.entity}/{path.project}".strip("/")
    said += f"no artifact of this name is in {where!r}"
    if near:
        return ArtifactNotFound(f"{said}; there is {', '.join(near[:_NEAR])}")
    return ArtifactNotFound(f"{said}; `runstore artifact list` shows those that are known here")


def _numbers(connection: sqlite3.Connection, row: int, wanted: int | None) -> str:
    query = "SELECT number FROM versions WHERE collection = ? AND removed = 0 ORDER BY number"
    numbers = [number for (number,) in connection.execute(query, (row,))]
    if not numbers:
        return ": all were removed"
    if wanted is None or numbers == list(range(numbers[0], numbers[-1] + 1)):
        ends = dict.fromkeys((numbers[0], numbers[-1]))
        return f"; there {'are' if len(ends) > 1 else 'is'} {' to '.join(f'v{number}' for number in ends)}"
    near = sorted(sorted(numbers, key=lambda number: abs(number - wanted))[:_NEAR])
    return f"; the nearest are {', '.join(f'v{number}' for number in near)}"


def _collections(connection: sqlite3.Connection, where: str, arguments: tuple[object, ...]) -> list[tuple[str, ...]]:
    return connection.execute(f"SELECT entity, project, name FROM collections WHERE {where}", arguments).fetchall()


def _alike(name: str, rows: list[tuple[str, ...]]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, {row[2] for row in rows}, _NEAR, _LIKENESS)


def _nearest(name: str, known: list[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, _NEAR, _LIKENESS) or sorted(known)[:_NEAR]


def _is(near: str) -> str:
    return "are" if "," in near else "is"
