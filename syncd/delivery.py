"""What can be delivered of a log, as the index knows it; its way to a remote; and the figures of what was done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstore.index.indexer import Indexer
from runstore.paths import is_edit_log_name, run_id_of
from runstore.runlog.reader import LogReader
from runstore.syncd.outgoing import FilesDelivered, lies_beside, ship_beside
from runstore.syncd.remotes.base import Remote
from runstore.syncd.shipper import Shipment, ship

# A log without an end that has not grown for so long is not live any more: its process was killed, or does not log.
LIVE_SECONDS = 600.0


@dataclass
class Report:
    """What a round of deliveries did; `as_json` is the contract of `runstore sync --json`."""

    remote: str
    runs: set[str] = field(default_factory=set)
    logs: int = 0
    verified: int = 0
    bytes_sent: int = 0
    records: int = 0
    files_sent: int = 0
    file_bytes_sent: int = 0
    files_left: int = 0
    # What only a target that takes runs is told one by one.
    rows: int = 0
    events: int = 0
    console_lines: int = 0
    artifacts: int = 0
    alerts: int = 0
    notes: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)  # path of the log -> sentence

    def fail(self, log: Path, run: str, error: Exception) -> None:
        """Count one log that could not be shipped."""
        self.logs += 1
        self.runs.add(run)
        self.errors[str(log)] = str(error)

    def add(self, other: Report) -> None:
        """Add the figures of what was sent by another one."""
        for name in _SENT:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        """Return the figures; `verified` and `failed` count logs, `records` those that this call delivered."""
        return {
            "remote": self.remote,
            "runs": len(self.runs),
            "logs": self.logs,
            "verified": self.verified,
            "failed": len(self.errors),
            "bytes_sent": self.bytes_sent,
            "records": self.records,
            "files_sent": self.files_sent,
            "file_bytes_sent": self.file_bytes_sent,
            "files_left": self.files_left,
            "rows": self.rows,
            "events": self.events,
            "console_lines": self.console_lines,
            "artifacts": self.artifacts,
            "alerts": self.alerts,
            "notes": self.notes,
            "errors": self.errors,
        }


# The figures of a Report that are sums over what was sent.
_SENT = (
    *("bytes_sent", "records", "files_sent", "file_bytes_sent", "files_left"),
    *("rows", "events", "console_lines", "artifacts", "alerts"),
)


@dataclass(frozen=True, slots=True)
class Ready:
    """What the index says of a log that can be delivered: its content's identity, and how far it is whole.

    `entity`, `project` and `tags` are those of the run; targets choose by them. `has_ended` says that the log's
    process was done; `is_live` that it grows, or did lately.
    """

    log: Path
    log_id: str
    end: int
    records: int
    run: str
    entity: str = ""
    project: str = ""
    tags: tuple[str, ...] = ()
    is_live: bool = False
    has_ended: bool = False


def ready(indexer: Indexer, log: Path) -> Ready | None:
    """Return what of `log` can be delivered, as far as it was read; None for a log that shows no record yet."""
    found = indexer.connection.execute(
        "SELECT log_id, run_id, entity, project, tags, exit_code IS NOT NULL FROM logs LEFT JOIN runs ON runs.id = run "
        "WHERE path = ?",
        (str(log.resolve()),),
    ).fetchone()
    if found is None or found[0] is None:
        return None
    log_id, run_id, entity, project, tags, has_ended = found
    if is_edit_log_name(log.name):
        run_id, entity, project, tags = _edited_run(indexer, log)
    end, records = indexer.reached(log)
    return Ready(
        log=log,
        log_id=log_id,
        end=end,
        records=records,
        run=run_id or (run_id_of(log) if is_edit_log_name(log.name) else log.parent.name),
        entity=entity or "",
        project=project or "",
        tags=tuple(json.loads(tags)) if tags else (),
        is_live=not has_ended and _grew_lately(log),
        has_ended=bool(has_ended),
    )


def is_of_fork(indexer: Indexer, log: Path) -> bool:
    """Return whether a log says that its run was forked from another one, whose logs tell of it as well."""
    query = "SELECT branch_run FROM logs WHERE path = ?"
    found = indexer.connection.execute(query, (str(log.resolve()),)).fetchone()
    return bool(found and found[0])


def logs_of_run(indexer: Indexer, what: Ready) -> list[Path]:
    """Return all logs of the run of a log that are indexed, logs of edits included."""
    run = (what.entity, what.project, what.run)
    rows = indexer.connection.execute(
        "SELECT path FROM logs JOIN runs ON runs.id = run WHERE entity = ? AND project = ? AND run_id = ? UNION "
        "SELECT path FROM logs JOIN edits ON edits.log = logs.id WHERE entity = ? AND project = ? AND run_id = ?",
        (*run, *run),
    )
    return [Path(path) for (path,) in rows]


def _edited_run(indexer: Indexer, log: Path) -> tuple[str, str, str, str | None]:
    """Return id, entity, project and tags of the run that a log of edits is about, as far as they are known."""
    found = indexer.connection.execute(
        "SELECT edits.run_id, edits.entity, edits.project, tags FROM logs JOIN edits ON edits.log = logs.id "
        "LEFT JOIN runs USING (entity, project, run_id) WHERE path = ? LIMIT 1",
        (str(log.resolve()),),
    ).fetchone()
    return found or (run_id_of(log), "", "", None)


def deliver_one(what: Ready, remote: Remote, progress: Callable[[int], None] | None = None) -> Shipment:
    """Ship one log, without what lies beside it. Raises as `ship` does."""
    return ship(
        what.log,
        what.log_id,
        what.end,
        what.records,
        remote,
        progress=progress,
        count_records=lambda start, end: _count_records(what.log, start, end),
        beside=False,
    )


def deliver_beside(
    what: Ready, remote: Remote, progress: Callable[[int], None] | None = None, *, trusting: bool
) -> FilesDelivered:
    """Ship what lies beside a log that was shipped before. Raises as `ship_beside` does."""
    if not lies_beside(what.log, what.end):
        return FilesDelivered()
    return ship_beside(what.log, what.log_id, remote, progress=progress, trusting=trusting)


def _grew_lately(log: Path) -> bool:
    try:
        return log.stat().st_mtime > time.time() - LIVE_SECONDS
    except OSError:
        return False


def _count_records(log: Path, start: int, end: int) -> int:
    """Count the records that end in (start, end]; asked only where no receipt tells."""
    return sum(start < framed.end <= end for framed in LogReader(log))
