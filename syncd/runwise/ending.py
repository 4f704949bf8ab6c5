"""What a server is told of the end of a run: the exit code, and files that are made of all that the logs say."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from runstore.errors import RemoteError
from runstore.syncd.remotes.runs import HISTORY, RunFile, RunRemote, ServerRun
from runstore.syncd.runwise.books import Books
from runstore.syncd.runwise.content.generated import generated_files
from runstore.syncd.runwise.content.snapshot import EditLog, LogPart, RunSnapshot, console_lines
from runstore.syncd.runwise.progress import LogProgress

# A run that ended without an exit record counts as failed, as for stock tools.
_EXIT_CODE_OF_CRASHED = 1

logger = logging.getLogger("runstore.courier")


@dataclass(frozen=True)
class Ending:
    """The end of a run: its exit code, the files that come with it, and what `LogProgress.ended` is once it is told."""

    exit_code: int
    files: Sequence[RunFile]
    said: str


def ending_of(
    connection: sqlite3.Connection, run: RunSnapshot, server: ServerRun, remote: RunRemote, books: Books
) -> Ending | None:
    """Return what is to be told of a run's end; None for one that goes on, whose end was told, or whose logs were not.

    Raises RemoteError where the server does not say that it has every row.
    """
    progress = [books.progress(part.log, part.log_id) for part in run.parts]
    exit_code = _EXIT_CODE_OF_CRASHED if run.exit_code is None else run.exit_code
    logs: list[LogPart | EditLog] = [*run.parts, *run.edit_logs]
    said = _digest(exit_code, [(log.log_id, log.end) for log in logs])
    if not run.is_over or progress[-1].ended == said or not _is_told(run, books):
        return None
    _check_rows(server, progress, remote)
    console = (one.text for part in run.parts for one in console_lines(connection, part, 0, with_open=True))
    return Ending(exit_code, generated_files(run, [one.head for one in progress], console), said)


def _is_told(run: RunSnapshot, books: Books) -> bool:
    """Return whether the server was told all that the logs of a run say; what came since goes first."""
    receipts = (books.receipt(part.log, part.log_id) for part in run.parts)
    return all(receipt and receipt.size == part.end for receipt, part in zip(receipts, run.parts, strict=True))


def _check_rows(server: ServerRun, progress: list[LogProgress], remote: RunRemote) -> None:
    rows = max(max(one.end(HISTORY), one.base.get(HISTORY, 0)) for one in progress)
    found = remote.find(server.entity, server.project, server.run_id)
    if found is None:
        raise RemoteError(f"{remote.name}: does not know the run {server.run_id} any more; it is sent again")
    there = found.lines.get(HISTORY)
    if there is None:
        logger.warning("event=unverified remote=%s run=%s", remote.name, server.run_id)
    elif there < rows:
        raise RemoteError(
            f"{remote.name}: has {there:,} of the {rows:,} rows of {server.run_id} that it took; the rest is sent again"
        )
    elif there > rows:
        logger.warning("event=more-rows remote=%s run=%s rows=%d of=%d", remote.name, server.run_id, rows, there)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
