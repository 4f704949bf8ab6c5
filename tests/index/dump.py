"""All that an index answers, as one text: two indexes of the same logs are the same if their texts are.

Left out is what says nothing about the logs: the database's own numbering, how points are cut into chunks, how far
files had grown when they were last looked at. States are as of a fixed moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runstore.index.database import open_index
from runstore.index.jsontext import from_columns
from runstore.index.state import state_of
from runstore.query.api import Api
from runstore.query.points.entries import entries_of
from runstore.query.points.history import keys_of, rows_of
from runstore.query.points.oflog import SYSTEM
from runstore.query.points.stitched import points_of
from runstore.runlog.process import ProcessName

# Before any file was written: only times that records show count, and logs made by tests show such as these.
NOW = 2000.0
# Each says all that a table has of a log, whatever its columns are; facts that queries serve as they were said.
FACTS = ("files", "artifacts", "artifact_entries", "moves", "alerts", "edits", "history_values")
_OWN = ("id", "run", "state", "size", "mtime_ns", "sealed")  # columns of `logs` that say nothing about the log


def dump(index: Path, now: float = NOW) -> str:
    """Return all that the index at `index` answers, as it is, one JSON text a line."""
    connection = open_index(index)
    try:
        lines = [line(part) for part in _answers(connection, now)]
        api = Api(index, refresh=False)
        lines += [line(["runs", *(found.path for found in api.runs())])]
        lines += [line(["run", *found.path, part]) for found in api.runs() for part in _of_api(found)]
        api.close()
    finally:
        connection.close()
    return "\n".join(lines)


def line(part: Any) -> str:
    """Return a value as JSON with bare NaN and infinities, keys sorted."""
    return json.dumps(part, sort_keys=True)


def _answers(connection: sqlite3.Connection, now: float) -> Iterator[Any]:
    yield from _logs(connection)
    for table in FACTS:
        yield from _facts(connection, table)
    yield from _collections(connection)
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    for row in cursor.execute("SELECT * FROM runs ORDER BY entity, project, run_id").fetchall():
        name = "/".join((row["entity"], row["project"], row["run_id"]))
        for part in _of_run(connection, row, now):
            yield [name, *part]


def _logs(connection: sqlite3.Connection) -> Iterator[Any]:
    for values in _rows(connection, "SELECT * FROM logs ORDER BY path"):
        yield ["log", {name: value for name, value in values.items() if name not in _OWN}]


def _facts(connection: sqlite3.Connection, table: str) -> Iterator[Any]:
    found = []
    for values in _rows(connection, f"SELECT logs.path AS log_path, {table}.* FROM {table} JOIN logs ON log = logs.id"):
        del values["log"]
        found.append(values)
    yield from sorted([table, line(values)] for values in found)


def _collections(connection: sqlite3.Connection) -> Iterator[Any]:
    """Yield what collections have, by their names."""
    assert connection.execute("SELECT * FROM stale_collections").fetchall() == []
    named = "SELECT c.entity, c.project, c.name AS collection_name"
    for values in _rows(connection, "SELECT * FROM collections ORDER BY entity, project, name"):
        del values["id"]
        yield ["collection", values]
    for table, key in (("versions", "number"), ("parts", "number"), ("members", "client_id"), ("aliases", "alias")):
        where = f"{table} AS t JOIN collections AS c ON c.id = t.collection"
        columns = f"{named}, t.*"
        if table in ("versions", "parts"):
            columns, where = f"{columns}, l.path AS log_path", f"{where} JOIN logs AS l ON l.id = t.log"
        for values in _rows(connection, f"{columns} FROM {where} ORDER BY 1, 2, 3, t.{key}"):
            yield [table, {name: value for name, value in values.items() if name not in ("collection", "log")}]


def _of_run(connection: sqlite3.Connection, row: sqlite3.Row, now: float) -> Iterator[list[Any]]:
    """Yield what queries say of one run. What else they can say of a run belongs here."""
    known = _named(row)
    del known["id"]
    for tree in ("config", "summary"):
        known[tree] = from_columns(known.pop(tree), known.pop(f"{tree}_nan"))
    yield ["row", known]
    process = ProcessName(row["host"], row["boot_id"], row["pid"], row["pid_started_ticks"])
    logs = [path for (path,) in connection.execute("SELECT path FROM logs WHERE run = ? ORDER BY path", (row["id"],))]
    preempting = bool(row["preempting"])
    yield ["state", state_of(row["exit_code"], process, row["heartbeat_at"], logs, now, preempting=preempting)]
    yield ["logs", logs]
    keys = keys_of(connection, row["id"])
    for one in rows_of(connection, row["id"]):
        yield ["history", one]
    for key in keys:
        points = points_of(connection, row["id"], key)
        yield ["points", key, str(points.values.dtype), points.steps.tolist(), points.values.tolist()]
    for key in sorted(entries_of(connection, row["id"], stream=SYSTEM)):
        points = points_of(connection, row["id"], key, stream=SYSTEM)
        yield ["system", key, points.steps.tolist(), points.values.tolist()]


def _of_api(found: Any) -> Iterator[Any]:
    """Yield what the Api says of one run."""
    for name in ("name", "notes", "tags", "created_at", "heartbeat_at", "lastHistoryStep", "config", "summary", "keys"):
        yield [name, getattr(found, name)]
    yield from found.console()
    yield ["alerts", found.alerts()]
    yield ["system", found.system_metrics, found.history(stream="system", pandas=False, samples=10**9)]
    for kind, artifacts in (("logged", found.logged_artifacts()), ("used", found.used_artifacts())):
        for one in artifacts:
            version = getattr(one, "version", None)  # a part of an artifact that is not whole has none
            said = [one.id, one.name, one.type, version, one.digest, one.description, one.metadata, one.aliases]
            yield [
                kind,
                *said,
                one.tags,
                one.created_at,
                one.size,
                one.file_count,
                [[file.name, file.digest, file.size, file.ref, file.local_path] for file in one.files()],
            ]


def _rows(connection: sqlite3.Connection, query: str) -> Iterator[dict[str, Any]]:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    for row in cursor.execute(query).fetchall():
        yield _named(row)


def _named(row: sqlite3.Row) -> dict[str, Any]:
    return dict(zip(row.keys(), row, strict=True))
