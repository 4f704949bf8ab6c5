"""What stock tools' logs name that is not in their run directories: gone, changed since, or not copied yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from runstore.index.rescue.securing import has_size

OUTCOMES = ("waiting", "linked", "held", "kept", "lost", "failed")

# Of files with the same bytes one is enough.
_NOT_KEPT = (
    "SELECT logs.path, blob, artifact, one.path, one.size, source, outcome, reason"
    " FROM rescues AS one JOIN logs ON logs.id = log WHERE log = ?"
    " AND outcome IN ('waiting', 'lost', 'failed') AND NOT EXISTS (SELECT 1 FROM rescues AS same"
    " WHERE same.log = one.log AND same.blob = one.blob AND same.outcome IN ('kept', 'linked'))"
    " ORDER BY artifact, one.path LIMIT ?"
)


@dataclass(frozen=True)
class NotKept:
    """One file that is not in the run directory, in the words of the table `rescues`; `size` -1 where it is unknown."""

    artifact: str
    path: str
    size: int
    source: str
    outcome: str
    reason: str

    @property
    def sentence(self) -> str:
        """What it is, where it was, and why it is not there."""
        what = f"{self.path} of artifact {self.artifact}" if self.artifact else f"files/{self.path}"
        was = f" (it was {self.source})" if self.artifact else ""
        return f"{what}{was}: {self.reason or 'it is not copied yet'}"

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return dict(vars(self))


# Whether what the log at a path names is with it, given what its bytes are called as a blob.
IsThere: TypeAlias = Callable[[Path, str, NotKept], bool]


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many files there are of each outcome."""
    found = connection.execute("SELECT outcome, count(*) FROM rescues GROUP BY outcome")
    return {**dict.fromkeys(OUTCOMES, 0), **dict(found.fetchall())}


def is_beside(log: Path, blob: str, one: NotKept) -> bool:
    """Return whether a file is in the run directory of a log by now."""
    return has_size(log.parent / "blobs" / blob, one.size) or (
        not one.artifact and has_size(log.parent / "files" / one.path, -1)
    )


def not_kept(
    connection: sqlite3.Connection, logs: Sequence[int], most: int = 1000, is_there: IsThere = is_beside
) -> list[NotKept]:
    """Return what of the files that logs (rows) name is not in their run directories; `most` of each log.

    What has come since, brought by another user whose log it is or by hand, is not among them.
    """
    found = []
    for log in logs:
        for path, blob, *columns in connection.execute(_NOT_KEPT, (log, most)).fetchall():
            one = NotKept(*columns)
            if not is_there(Path(path), blob, one):
                found.append(one)
    return found


def said_of(found: Sequence[NotKept]) -> str:
    """Return in one sentence what is not kept of a run; "" for nothing."""
    if not found:
        return ""
    more = f"; and {len(found) - 1:,} more, which `runstore runs show` lists" if len(found) > 1 else ""
    return f"not in the run directory: {found[0].sentence}{more}"


def not_kept_beside(connection: sqlite3.Connection, log: str, most: int = 1000) -> list[NotKept]:
    """Return the same of the log at this path, resolved."""
    rows = [row for (row,) in connection.execute("SELECT id FROM logs WHERE path = ?", (log,))]
    return not_kept(connection, rows, most)
