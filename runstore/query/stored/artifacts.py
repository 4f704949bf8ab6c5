"""The artifacts that stored runs made and used, as their logs say it. Facts only: bytes stay where they are."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runstore.query.stored.pages import Pages, loaded

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun


class ArtifactFile(NamedTuple):
    """One file or reference in an artifact; `size` in bytes, `digest` MD5 in base64, `ref` "" for a file."""

    name: str
    digest: str
    size: int
    ref: str
    local_path: str


class StoredArtifact:
    """One artifact, as the run that made or used it recorded it."""

    def __init__(self, connection: sqlite3.Connection, run: StoredRun, row: sqlite3.Row) -> None:
        self._connection, self._run, self._row = connection, run, row

    @property
    def id(self) -> str:
        """What names the artifact among all: made with it, before any server knows it."""
        return str(self._row["client_id"])

    @property
    def type(self) -> str:
        """Such as "dataset" or "model"."""
        return str(self._row["type"])

    @property
    def name(self) -> str:
        """The name, with `:` and the version behind it where the log says one."""
        return f"{self._row['name']}:{self.version}" if self.version else str(self._row["name"])

    @property
    def version(self) -> str | None:
        """Such as "v3"; None where the log does not say: versions are counted by whoever keeps all artifacts."""
        return str(self._row["version"]) or None

    @property
    def entity(self) -> str:
        """The entity of the run."""
        return self._run.entity

    @property
    def project(self) -> str:
        """The project of the run."""
        return self._run.project

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return str(self._row["digest"])

    @property
    def description(self) -> str:
        """The description; "" where there is none."""
        return str(self._row["description"])

    @property
    def metadata(self) -> dict[str, Any]:
        """What the program said of it."""
        return dict(json.loads(self._row["metadata"]))

    @property
    def aliases(self) -> list[str]:
        """The aliases that it was given when it was logged."""
        return list(json.loads(self._row["aliases"]))

    @property
    def tags(self) -> list[str]:
        """The tags that it was given when it was logged."""
        return list(json.loads(self._row["tags"]))

    @property
    def created_at(self) -> str:
        """When it was logged, as far as the log shows: ISO 8601, UTC."""
        return datetime.fromtimestamp(self._row["time"], timezone.utc).isoformat(timespec="seconds")

    @property
    def size(self) -> int:
        """The bytes of all that is in it."""
        known = self._row["size"]
        return sum(file.size for file in self._contents) if known is None else int(known)

    @property
    def file_count(self) -> int:
        """How many files and references are in it."""
        known = self._row["entries"]
        return len(self._contents) if known is None else int(known)

    def files(self, names: Sequence[str] | None = None, per_page: int = 50) -> Pages[ArtifactFile]:
        """Return what is in it, in order of name; with `names`, only these."""
        found = [file for file in self._contents if not names or file.name in names]
        return Pages(*loaded(found, per_page))

    def logged_by(self) -> StoredRun | None:
        """Return the run that made it; None where this is an input of a run."""
        return None if self._row["used"] else self._run

    @cached_property
    def _contents(self) -> list[ArtifactFile]:
        if self._row["manifest_file"]:
            return _from_file(self._manifest_file())
        columns = "path, digest, size, ref, local_path"
        query = f"SELECT {columns} FROM artifact_entries WHERE log = ? AND place = ? ORDER BY path"
        return [ArtifactFile(*e) for e in self._connection.execute(query, (self._row["log"], self._row["place"]))]

    def _manifest_file(self) -> Path:
        """Return where the entries are, also when the run directory has been moved."""
        named = Path(self._row["manifest_file"])
        if named.exists() or "blobs" not in named.parts:
            return named
        (log,) = self._connection.execute("SELECT path FROM logs WHERE id = ?", (self._row["log"],)).fetchone()
        inside = named.parts[len(named.parts) - 1 - named.parts[::-1].index("blobs") :]
        return Path(log).parent.joinpath(*inside)

    def __repr__(self) -> str:
        return f"<Artifact {self.type}/{self.name}>"


class RunArtifacts(Pages[StoredArtifact]):
    """Artifacts of one run, in the order in which they were logged."""

    def __init__(self, run: StoredRun, artifacts: Sequence[StoredArtifact], per_page: int) -> None:
        self.run = run
        super().__init__(*loaded(artifacts, per_page))

    def __repr__(self) -> str:
        return f"<RunArtifacts {'/'.join(self.run.path)} ({len(self)})>"


def artifacts_of(
    connection: sqlite3.Connection, run: StoredRun, logs: Sequence[int], used: bool
) -> list[StoredArtifact]:
    """Return the inputs or outputs that these logs (rows) name, in their order."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    query = "SELECT * FROM artifacts WHERE log = ? AND used = ? ORDER BY place"
    return [StoredArtifact(connection, run, row) for log in logs for row in cursor.execute(query, (log, int(used)))]


def _from_file(path: Path) -> list[ArtifactFile]:
    """Return the entries of a manifest that was too large for a record; none where its file is gone."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    except (OSError, EOFError, ValueError):
        return []
    found = []
    for entry in map(json.loads, lines):
        size, digest = int(entry.get("size") or 0), str(entry.get("digest", ""))
        found.append(ArtifactFile(entry["path"], digest, size, entry.get("ref") or "", entry.get("local_path") or ""))
    return sorted(found)
