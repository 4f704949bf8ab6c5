"""The rows of what a log says beside metrics and console: files, artifacts and moves, alerts, edits of stored runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from runstore.core.edits import Edit
from runstore.core.facts import AlertSent, ArtifactNamed, Fact, FileNamed
from runstore.core.moves import Move
from runstore.index.artifacts import rows as artifacts
from runstore.index.artifacts.places import Places

TABLES = ("files", *artifacts.TABLES, "alerts", "edits")


class FactRows:
    """The facts of one log that are to be written with its next piece."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fact, float]] = []

    def add(self, fact: Fact, time: float) -> None:
        """Take one fact, and the time that counts where it shows none."""
        self._waiting.append((fact, time))

    def write(self, connection: sqlite3.Connection, log: int) -> Places | None:
        """Write what was added since the last time; the caller's transaction makes it whole.

        Returns where in the tables what it says of artifacts begins, None where it says nothing of them.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return None
        files = [(log, fact.path, fact.policy, fact.type) for fact, _ in waiting if isinstance(fact, FileNamed)]
        connection.executemany("INSERT OR REPLACE INTO files (log, path, policy, type) VALUES (?, ?, ?, ?)", files)
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
        named = [(fact, time) for fact, time in waiting if isinstance(fact, (ArtifactNamed, Move))]
        return artifacts.write_artifacts(connection, log, named) if named else None


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


def _insert(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], log: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Add rows behind those that the log has in a table."""
    if not rows:
        return
    (first,) = connection.execute(f"SELECT coalesce(max(place) + 1, 0) FROM {table} WHERE log = ?", (log,)).fetchone()
    marks = ", ".join("?" * (2 + len(columns)))
    connection.executemany(
        f"INSERT INTO {table} (log, place, {', '.join(columns)}) VALUES ({marks})",
        [(log, place, *row) for place, row in enumerate(rows, first)],
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
