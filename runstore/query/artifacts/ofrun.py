"""The artifacts that a stored run made and used, as its logs say it, with what came of them since."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runstore.core.artifactname import version_number
from runstore.index.connection import IndexConnection
from runstore.query.artifacts.contents import artifact_entries
from runstore.query.artifacts.restoring import restored_from, stored_entry
from runstore.query.artifacts.standing import iso
from runstore.query.artifacts.version import versions_of
from runstore.query.stored.pages import Pages

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun
    from runstore.sdk.artifacts.artifact import Artifact


class RunArtifacts(Pages["Artifact"]):
    """Artifacts of one run, in the order in which they were logged or used, each once."""

    def __init__(self, run: StoredRun, connection: sqlite3.Connection, logs: Sequence[int], used: bool, per_page: int):
        self.run = run
        self._connection, self._logs, self._used = connection, logs, used
        self._index = connection.path if isinstance(connection, IndexConnection) else None
        super().__init__(self._rows, self._artifacts, per_page)

    def _rows(self) -> list[sqlite3.Row]:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        query = "SELECT * FROM artifacts WHERE log = ? AND used = ? ORDER BY place"
        found = [row for log in self._logs for row in cursor.execute(query, (log, int(self._used)))]
        return list({self._identity(row): row for row in found}.values())

    def _identity(self, row: sqlite3.Row) -> Any:
        """Return what only this artifact has: parts that several processes made are one, and so are equal contents."""
        # In its own collection rather than one that it was linked to, where equal contents may be another artifact's.
        version = self._connection.execute(
            "SELECT collection, number FROM members JOIN collections AS c ON c.id = collection WHERE client_id = ?"
            " ORDER BY c.name <> ?, c.project <> ?, c.entity <> ?, c.name, c.project, c.entity",
            (row["client_id"], row["name"], self.run.project, self.run.entity),
        ).fetchone()
        if version is not None:
            return tuple(version)
        return row["client_id"] or (row["log"], row["place"])

    def _artifacts(self, rows: Sequence[sqlite3.Row]) -> list[Artifact]:
        return [self._artifact(row) for row in rows]

    def _artifact(self, row: sqlite3.Row) -> Artifact:
        versions = versions_of(self._connection, row["client_id"])
        if versions:
            return restored_from(self._connection, versions[0], self._index)
        return self._as_said(row)

    def _as_said(self, row: sqlite3.Row) -> Artifact:
        """Return what the log alone says: of a part, or of an artifact whose own log is not here."""
        from runstore.sdk.artifacts import life
        from runstore.sdk.artifacts.standing import Logged
        from runstore.sdk.artifacts.stored import StoredManifest

        when = iso(round(row["time"] * 1e9))
        names = json.loads(row["aliases"]), json.loads(row["tags"])
        logged = Logged(self.run.entity, self.run.project, self.run.id, when, *names, index=self._index)
        logged.number = version_number(row["version"])
        connection, log, place = self._connection, row["log"], row["place"]
        manifest = StoredManifest(
            lambda: [stored_entry(entry) for entry in artifact_entries(connection, log, place)],
            row["digest"],
            row["algorithm"],
        )
        said = row["description"], json.loads(row["metadata"]), row["ttl_seconds"]
        return life.restored(life.Stored(row["name"], row["type"], row["client_id"], manifest, logged, *said))

    def __repr__(self) -> str:
        return f"<RunArtifacts {'/'.join(self.run.path)} ({len(self)})>"
