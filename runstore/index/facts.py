"""The rows of what a log says beside metrics and console: files, artifacts, alerts, and edits of stored runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from runstore.core.edits import Edit
from runstore.core.facts import AlertSent, ArtifactEntry, ArtifactNamed, Fact, FileNamed

TABLES = ("files", "artifact_entries", "artifacts", "alerts", "edits")
_LARGEST = (1 << 63) - 1  # that SQLite holds


class FactRows:
    """The facts of one log that are to be written with its next piece."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fact, float]] = []

    def add(self, fact: Fact, time: float) -> None:
        """Take one fact, and the time that counts where it shows none."""
        self._waiting.append((fact, time))

    def write(self, connection: sqlite3.Connection, log: int) -> None:
        """Write what was added since the last time; the caller's transaction makes it whole."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        files = [(log, fact.path, fact.policy, fact.type) for fact, _ in waiting if isinstance(fact, FileNamed)]
        connection.executemany("INSERT OR REPLACE INTO files (log, path, policy, type) VALUES (?, ?, ?, ?)", files)
        _write_artifacts(connection, log, [(fact, time) for fact, time in waiting if isinstance(fact, ArtifactNamed)])
        alerts = [
            (time, fact.title, fact.text, fact.level, fact.wait_ms)
            for fact, time in waiting
            if isinstance(fact, AlertSent)
        ]
        _insert(connection, "alerts", ("time", "title", "text", "level", "wait_ms"), log, alerts)
        edits = [
            (edit.entity, edit.project, edit.run_id, edit.made_ns, _json(edit.change()))
            for edit, _ in waiting
            if isinstance(edit, Edit)
        ]
        _insert(connection, "edits", ("entity", "project", "run_id", "made_ns", "change"), log, edits)


def forget_facts(connection: sqlite3.Connection, log: int) -> None:
    """Remove all of a log's rows here."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table} WHERE log = ?", (log,))


def edited_runs(connection: sqlite3.Connection, log: int) -> list[tuple[str, str, str]]:
    """Return entity, project and id of the runs that a log's edits are about."""
    query = "SELECT DISTINCT entity, project, run_id FROM edits WHERE log = ?"
    return connection.execute(query, (log,)).fetchall()


def edits_of(connection: sqlite3.Connection, identity: Sequence[str]) -> list[Edit]:
    """Return the edits of a run (entity, project, id) in the order in which they were made.

    Copies of one edit log say the same twice, which changes nothing.
    """
    found = connection.execute(
        "SELECT made_ns, change FROM edits JOIN logs ON logs.id = log WHERE entity = ? AND project = ? AND run_id = ?"
        " ORDER BY made_ns, log_id, place",
        tuple(identity),
    )
    return [Edit.from_change(json.loads(change), made_ns) for made_ns, change in found]


def _write_artifacts(connection: sqlite3.Connection, log: int, named: list[tuple[ArtifactNamed, float]]) -> None:
    first = _insert(
        connection,
        "artifacts",
        (
            *("time", "used", "type", "name", "version", "digest", "client_id", "description", "metadata"),
            *("aliases", "tags", "entries", "size", "manifest_file"),
        ),
        log,
        [_artifact_row(artifact, time) for artifact, time in named],
    )
    entries = [
        (log, place, entry.path, entry.digest, entry.size, entry.ref, entry.local_path)
        for place, (artifact, _) in enumerate(named, first)
        for entry in artifact.entries or ()
    ]
    connection.executemany(
        "INSERT INTO artifact_entries (log, place, path, digest, size, ref, local_path) VALUES (?, ?, ?, ?, ?, ?, ?)",
        entries,
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
    )


def _size(entries: Sequence[ArtifactEntry]) -> int:
    return min(sum(max(0, entry.size) for entry in entries), _LARGEST)


def _insert(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], log: int, rows: Sequence[tuple[Any, ...]]
) -> int:
    """Add rows behind those that the log has in a table; return the place of the first."""
    if not rows:
        return 0
    (first,) = connection.execute(f"SELECT coalesce(max(place) + 1, 0) FROM {table} WHERE log = ?", (log,)).fetchone()
    marks = ", ".join("?" * (2 + len(columns)))
    connection.executemany(
        f"INSERT INTO {table} (log, place, {', '.join(columns)}) VALUES ({marks})",
        [(log, place, *row) for place, row in enumerate(rows, first)],
    )
    return int(first)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
