"""Compare what two indexes say of the same logs, whatever rows, ids and chunks they keep it in."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from runstore.index.chunks.series import Chunk
from runstore.index.chunks.tails import CHUNK_COLUMNS

Contents = dict[tuple[str, str], int]  # (path of a log, run or collection; table) -> digest of the rows there
Names = dict[str, dict[int, str]]  # kind of an id -> id -> path

# Rows that say something of a log name it in the column `log`; those of a run, `run`. These tables are not compared as
# they are: places to look at, what was computed ahead, what was found beside the logs (receipts change while logs stay
# as they are), and points, which may be cut into chunks in many ways.
BOOKKEEPING = {"folders", "roots", "to_index", "stale_collections", "kept", "rescues", "deliveries", "series", "chunks"}
# In which column the tables are known by that others refer to, and by which name these do that.
_OWNERS = {"logs": "path", "runs": "id", "collections": "id"}
_KINDS = {"runs": "run", "collections": "collection"}
# Of the table `logs`: where the file was last looked at, and how the points are stored.
_NOT_SAID = {"id", "size", "mtime_ns", "sealed"}


def contents(connection: sqlite3.Connection) -> Contents:
    """Return a digest of all that an index says of each log, run and collection. Costs a look at every row."""
    logs = dict(connection.execute("SELECT id, path FROM logs"))
    known = connection.execute("SELECT id, entity, project, run_id FROM runs")
    runs = {run: "/".join(filter(None, path)) for run, *path in known}  # unlike a log's path, not absolute
    known = connection.execute("SELECT id, entity, project, name FROM collections")
    collections = {collection: "/".join(filter(None, path)) for collection, *path in known}
    names: Names = {"log": logs, "run": runs, "collection": collections}
    found: Contents = {}
    for table in _tables(connection):
        for owner, row in _rows(connection, table, names):
            _add(found, owner, table, row)
    for log, row in _points(connection):
        _add(found, logs[log], "points", row)
    return found


def differences(one: Contents, other: Contents) -> dict[str, list[str]]:
    """Return for each log and run of which two indexes don't say the same, by path, in which tables."""
    differing: dict[str, list[str]] = {}
    for owner, table in sorted(one.keys() | other.keys()):
        if one.get((owner, table)) != other.get((owner, table)):
            differing.setdefault(owner, []).append(table)
    return differing


def _add(found: Contents, owner: str, table: str, row: object) -> None:
    """Count a row in. The sum of all rows' digests does not depend on their order."""
    digest = int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).digest(), "little")
    found[owner, table] = (found.get((owner, table), 0) + digest) & (1 << 128) - 1


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'")
    return sorted(name for (name,) in names if name not in BOOKKEEPING and not name.startswith("sqlite_"))


def _rows(connection: sqlite3.Connection, table: str, names: Names) -> Iterator[tuple[str, list[Any]]]:
    """Yield each row of a table with the log, run or collection that it belongs to, and paths in the place of ids."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    owner = _OWNERS.get(table) or next((name for name in names if name in columns), "")
    if not owner:
        return
    place = columns.index(owner)
    said = [at for at, name in enumerate(columns) if name not in (_NOT_SAID if table in _OWNERS else ())]
    numbers: dict[str, int] = {}
    for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):
        values = [_named(columns[at], row[at], names) for at in said]
        whose = str(row[place] if table == "logs" else names[_KINDS.get(table, owner)].get(row[place]))
        if table == "history_values":  # of equal steps the later value counts
            numbers[whose] = numbers.get(whose, 0) + 1
            values.append(numbers[whose])
        yield whose, values


def _named(column: str, value: Any, names: Names) -> Any:
    if column not in names or isinstance(value, str):  # moves name their collection
        return value
    return names[column].get(value)


def _points(connection: sqlite3.Connection) -> Iterator[tuple[int, list[Any]]]:
    """Yield each series with a digest of its points in order; how they are cut into chunks makes no difference."""
    for series, log, key, stream in connection.execute("SELECT id, log, key, stream FROM series").fetchall():
        digest, n = hashlib.blake2b(digest_size=16), 0
        for columns in connection.execute(
            f"SELECT {CHUNK_COLUMNS} FROM chunks WHERE series = ? ORDER BY place", (series,)
        ):
            chunk = Chunk(*columns)
            digest.update(chunk.step_array().tobytes())
            digest.update(repr(chunk.values()).encode()[1:-1] + b", ")
            n += chunk.n
        yield log, [key, stream, n, digest.hexdigest()]
