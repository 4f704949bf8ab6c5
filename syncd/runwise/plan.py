"""What a delivery to a W&B server would send, run by run: from the index and the receipts alone, nobody is asked.

Lines are counted as the index has them, less those that the receipts say are there. A log that a receipt proves to its
end has none to send, whatever the counts say: rows that were cut off, or stand elsewhere by now, are no lines of it.
Files are those that lie there; the few that are made of the log when a run is over are not counted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runstore.core.identity import RunPath
from runstore.index.indexer import Indexer
from runstore.paths import is_edit_log_name
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready, logs_of_run, ready
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import FILES
from runstore.syncd.remotes.configured import RunOptions, identity_of
from runstore.syncd.remotes.runs import CONSOLE, EVENTS, HISTORY
from runstore.syncd.runwise.progress import LogProgress
from runstore.syncd.stamps import regular_files


@dataclass(frozen=True)
class Planned:
    """What is to be sent of one run. Bytes and records are of its logs, files those that lie beside them.

    A W&B server is told rows, samples of the machine (`events`), lines of the console, artifacts and alerts; a hub gets
    the records. `is_new`: nothing of it was sent there yet.
    """

    run: str
    logs: tuple[Path, ...] = ()
    is_new: bool = True
    log_bytes: int = 0
    records: int = 0
    files: int = 0
    file_bytes: int = 0
    rows: int = 0
    events: int = 0
    console_lines: int = 0
    artifacts: int = 0
    alerts: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be sent."""
        return not (self.log_bytes or self.files or self.artifacts or self.alerts)

    def plus(self, other: Planned) -> Planned:
        """Return both together, under the name of this one."""
        counts = {name: value + getattr(other, name) for name, value in asdict(self).items() if type(value) is int}
        return replace(self, logs=self.logs + other.logs, is_new=self.is_new and other.is_new, **counts)

    def as_json(self) -> dict[str, Any]:
        """Return an entry of `runs` in what `runstore sync --dry-run --json` prints."""
        return {**asdict(self), "logs": [str(log) for log in self.logs]}


def planned(indexer: Indexer, logs: Iterable[Path], name: str, options: RunOptions | None = None) -> list[Planned]:
    """Return what would be sent of the runs of these logs, which are indexed, to the W&B server of that name, or URL.

    A run goes there whole: its other logs count as well. Raises as `identity_of` does.
    """
    identity = identity_of(name, options)
    runs: dict[str, Ready] = {}
    for log in logs:
        what = ready(indexer, log)
        if what is not None:
            runs.setdefault(run_of(what), what)
    return [_planned_run(indexer, run, what, identity) for run, what in runs.items()]


def run_of(what: Ready) -> str:
    """Return the path of a log's run."""
    return str(RunPath(what.entity, what.project, what.run))


def files_to_send(log: Path, folder: str, known: Mapping[str, FileStamp]) -> tuple[int, int]:
    """Return how many files, and bytes, lie in a folder beside a log and are not as `known` has them."""
    count = size = 0
    for path in () if is_edit_log_name(log.name) else regular_files(log.parent, folder, []):
        try:
            now = (log.parent / folder / path).stat()
        except OSError:  # deleted since it was listed
            continue
        before = known.get(path)
        if before is None or (before.size, before.mtime_ns) != (now.st_size, now.st_mtime_ns):
            count, size = count + 1, size + now.st_size
    return count, size


def _planned_run(indexer: Indexer, run: str, what: Ready, identity: str) -> Planned:
    total = Planned(run)
    for path in logs_of_run(indexer, what) or [what.log]:
        log = ready(indexer, path)
        if log is not None:
            total = total.plus(_planned_log(indexer.connection, run, log, identity))
    return total


def _planned_log(connection: sqlite3.Connection, run: str, log: Ready, identity: str) -> Planned:
    receipt = receipts.load(log.log, log.log_id).get(identity) or Receipt("", 0, "", 0, "")
    progress = LogProgress.of(receipt.progress)
    files, file_bytes = files_to_send(log.log, FILES, receipt.files)
    place, artifacts, alerts = _counted(connection, log.log)
    plan = Planned(
        run,
        (log.log,),
        is_new=not progress.storage_id and not receipt.verified_at,
        log_bytes=max(0, log.end - receipt.size),
        records=max(0, log.records - receipt.records),
        files=files,
        file_bytes=file_bytes,
        artifacts=max(0, artifacts - len(progress.artifacts_done)),
        alerts=max(0, alerts - progress.alerts_sent),
    )
    if receipt.verified_at and not receipt.error and receipt.size >= log.end:
        return plan
    rows, events, console_lines = _lines(connection, place)
    return replace(
        plan,
        rows=max(0, rows - progress.count(HISTORY)),
        events=max(0, events - progress.count(EVENTS)),
        console_lines=max(0, console_lines - progress.count(CONSOLE)),
    )


def _counted(connection: sqlite3.Connection, log: Path) -> tuple[int, int, int]:
    """Return the place of a log in the index, and how many artifacts it makes and alerts it has."""
    found = connection.execute(
        "SELECT id, (SELECT COUNT(*) FROM artifacts WHERE log = logs.id AND used = 0),"
        " (SELECT COUNT(*) FROM alerts WHERE log = logs.id) FROM logs WHERE path = ?",
        (str(log.resolve()),),
    ).fetchone()
    return found or (0, 0, 0)


def _lines(connection: sqlite3.Connection, place: int) -> tuple[int, int, int]:
    """Return how many rows, samples of the machine and lines of the console a log has.

    A sample is counted by the metric that is in most of them.
    """
    rows, console_lines = connection.execute(
        "SELECT rows + open_row, (SELECT MAX(line) + 1 FROM console WHERE log = logs.id) FROM logs WHERE id = ?",
        (place,),
    ).fetchone()
    (events,) = connection.execute(
        "SELECT MAX(points) FROM (SELECT SUM(n) AS points FROM series JOIN chunks ON chunks.series = series.id"
        " WHERE log = ? AND stream = 'system' GROUP BY series.id)",
        (place,),
    ).fetchone()
    return rows, events or 0, console_lines or 0
