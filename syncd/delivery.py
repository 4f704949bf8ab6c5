"""Deliver logs to a remote, one after the other: index, ship, and say what became of each.

One log that fails never holds up another. What fails for all of them (no hub, a refused token) ends the round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstore.errors import LogError, NotFound, RemoteRefused, RemoteUnreachable, RunstoreError
from runstore.index.indexer import Indexer
from runstore.index.rescue.lost import not_kept_beside, said_of
from runstore.paths import is_edit_log_name, run_id_of
from runstore.runlog.reader import LogReader
from runstore.syncd.outgoing import FilesDelivered, lies_beside, ship_beside
from runstore.syncd.remotes.base import Remote
from runstore.syncd.shipper import Shipment, ship


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
    notes: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)  # path of the log -> sentence

    def add(self, log: Path, run: str, shipment: Shipment) -> None:
        """Count one log that was shipped."""
        self.logs += 1
        self.runs.add(run)
        self.verified += shipment.verified and not shipment.files_left
        self.bytes_sent += shipment.bytes_sent
        self.records += shipment.records
        self.files_sent += shipment.files_sent
        self.file_bytes_sent += shipment.file_bytes_sent
        self.files_left += shipment.files_left
        if shipment.note:
            self.notes.append(f"{log.parent.name}: {shipment.note}")

    def fail(self, log: Path, run: str, error: Exception) -> None:
        """Count one log that could not be shipped."""
        self.logs += 1
        self.runs.add(run)
        self.errors[str(log)] = str(error)

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
            "notes": self.notes,
            "errors": self.errors,
        }


@dataclass(frozen=True)
class Ready:
    """What the index says of a log that can be delivered: its content's identity, and how far it is whole."""

    log: Path
    log_id: str
    end: int
    records: int
    run: str


def ready(indexer: Indexer, log: Path) -> Ready | None:
    """Return what of `log` can be delivered, as far as it was read; None for a log that shows no record yet."""
    found = indexer.connection.execute(
        "SELECT log_id, run_id FROM logs LEFT JOIN runs ON runs.id = run WHERE path = ?", (str(log.resolve()),)
    ).fetchone()
    if found is None or found[0] is None:
        return None
    end, records = indexer.reached(log)
    run = found[1] or (run_id_of(log) if is_edit_log_name(log.name) else log.parent.name)
    return Ready(log, found[0], end, records, run)


def deliver(
    indexer: Indexer,
    logs: Iterable[Path],
    remote: Remote,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Bring each log into the index and then to `remote`; return what was done.

    Raises RemoteUnreachable and RemoteRefused, which concern every log; what concerns one log is in the report.
    """
    report = Report(remote.name)
    for log in logs:
        try:
            indexer.catch_up(log)
        except NotFound:
            continue  # deleted since it was found
        except LogError as error:
            report.fail(log, log.parent.name, error)
            continue
        indexer.rescue(log)
        lost = said_of(not_kept_beside(indexer.connection, str(log.resolve())))
        report.notes += [f"{log.parent.name}: {lost}"] if lost else []
        what = ready(indexer, log)
        if what is not None:
            deliver_one(what, remote, report, progress)
    return report


def deliver_one(
    what: Ready,
    remote: Remote,
    report: Report,
    progress: Callable[[int], None] | None = None,
    *,
    beside: bool = True,
) -> Shipment | None:
    """Ship one log, and what lies beside it, and enter it in the report; None where it failed."""
    try:
        shipment = ship(
            what.log,
            what.log_id,
            what.end,
            what.records,
            remote,
            progress=progress,
            count_records=lambda start, end: _count_records(what.log, start, end),
            beside=beside,
        )
    except (RemoteUnreachable, RemoteRefused):
        raise
    except (RunstoreError, OSError) as error:
        report.fail(what.log, what.run, error)
        return None
    report.add(what.log, what.run, shipment)
    return shipment


def deliver_beside(what: Ready, remote: Remote, report: Report, *, trusting: bool) -> FilesDelivered | None:
    """Ship what lies beside a log that was shipped before, and enter it in the report; None where it failed."""
    if not lies_beside(what.log, what.end):
        return FilesDelivered()
    try:
        done = ship_beside(what.log, what.log_id, remote, trusting=trusting)
    except (RemoteUnreachable, RemoteRefused):
        raise
    except (RunstoreError, OSError) as error:
        report.fail(what.log, what.run, error)
        return None
    report.files_sent += done.sent
    report.file_bytes_sent += done.bytes_sent
    return done


def _count_records(log: Path, start: int, end: int) -> int:
    """Count the records that end in (start, end]; asked only where no receipt tells."""
    return sum(start < framed.end <= end for framed in LogReader(log))
