"""What a run is when its delivery begins, read from the index at once: the run, and which logs it is made of.

The console is in the index line by line, so it is read from there. All else that a log says comes from the log itself
(walk.py): rows above all, since the index joins nested keys by dots.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.core.identity import NO_PROJECT
from runstore.core.logfold import LogFacts
from runstore.core.metrics import Definitions
from runstore.core.stitch import Piece
from runstore.core.summary import SummaryFold
from runstore.core.terminal import TerminalLine
from runstore.errors import LogError, NotFound
from runstore.index.jsontext import from_columns
from runstore.index.pieces import pieces_of
from runstore.index.state import PREEMPTING, RUNNING, state_of
from runstore.runlog import codec
from runstore.runlog.process import ProcessName
from runstore.runlog.reader import LogReader

_TOOLS = "_wandb"  # the key of the config, and of the summary, below which tools keep what is theirs
# A run record that is not among the first records of its log was lost; one of those behind says the same of a resume.
_FIRST_RECORDS = 10


@dataclass(frozen=True)
class LogPart:
    """One log of a run, as far as the index has it: `end` bytes, with `records` whole records.

    `place` is its row in the index; `after` and `below` say where its rows stand, as `core.stitch.Piece` has it.
    Times are in seconds since the epoch.
    """

    log: Path
    log_id: str
    kind: str
    place: int
    started_at: float
    end: int
    records: int
    starting_step: int = 0
    after: int | None = None
    below: int | None = None
    has_ended: bool = False  # its process said that it was done
    lost_bytes: int = 0  # skipped as damaged
    missing: int = 0  # records that were never written, or lost to damage


@dataclass(frozen=True)
class EditLog:
    """A log of changes that people made to the run, as far as the index has it."""

    log: Path
    log_id: str
    end: int
    records: int


@dataclass(frozen=True)
class ConsoleText:
    """One line of the terminal; stream stdout, stderr or logger, time in seconds since the epoch."""

    time: float
    stream: str
    text: str


@dataclass(frozen=True)
class RunSnapshot:
    """A run. `entity` and `project` are "" where none was given; `summary` is as a server gets it.

    `config` is without `_wandb`, of which `tools_config` has what logs say. `parts` are in the order in which they make
    up the run. `branch` is the run, and its last step that counts, from which this one was forked.
    """

    entity: str
    project: str
    run_id: str
    name: str
    notes: str
    tags: tuple[str, ...]
    group: str
    job_type: str
    sweep_id: str
    program: str
    host: str
    git_commit: str
    git_remote: str
    config: Mapping[str, Any]
    tools_config: Mapping[str, Any]
    summary: Mapping[str, Any]
    definitions: Definitions
    exit_code: int | None
    runtime: float  # seconds
    state: str
    preempting: bool
    branch: tuple[str, int] | None
    is_resuming: bool  # it adds to what a server may hold of it already
    parts: tuple[LogPart, ...]
    edit_logs: tuple[EditLog, ...]

    @property
    def is_over(self) -> bool:
        """Whether nobody writes it any more."""
        return self.state not in (RUNNING, PREEMPTING)


def snapshot(connection: sqlite3.Connection, entity: str, project: str, run_id: str) -> RunSnapshot | None:
    """Return a run as the index has it, read in one transaction; None for one that it does not know."""
    if connection.in_transaction:
        return _snapshot(connection, entity, project or NO_PROJECT, run_id)
    connection.execute("BEGIN")
    try:
        return _snapshot(connection, entity, project or NO_PROJECT, run_id)
    finally:
        connection.execute("ROLLBACK")


def console_lines(
    connection: sqlite3.Connection, part: LogPart, start: int, with_open: bool = False, most: int = sys.maxsize
) -> list[ConsoleText]:
    """Return the lines of a log's console from number `start` on, `most` of them; `with_open`, also, at the end, those
    that were never ended.
    """
    found = connection.execute(
        "SELECT time, stream, text FROM console WHERE log = ? AND line >= ? ORDER BY line LIMIT ?",
        (part.place, start, most),
    )
    lines = [ConsoleText(*line) for line in found]
    if with_open and len(lines) < most:
        (state,) = connection.execute("SELECT state FROM logs WHERE id = ?", (part.place,)).fetchone()
        open_lines = _open_lines(json.loads(state))
        (ended,) = connection.execute("SELECT COUNT(*) FROM console WHERE log = ?", (part.place,)).fetchone()
        lines += open_lines[max(0, start - ended) :]
    return lines


def _snapshot(connection: sqlite3.Connection, entity: str, project: str, run_id: str) -> RunSnapshot | None:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    identity = (entity, project, run_id)
    row = cursor.execute("SELECT * FROM runs WHERE entity = ? AND project = ? AND run_id = ?", identity).fetchone()
    if row is None:
        return None
    logs = [_Log.of(cursor, piece) for piece in pieces_of(connection, row["id"])]
    config = from_columns(row["config"], row["config_nan"])
    tools = config.pop(_TOOLS, {})
    return RunSnapshot(
        entity=entity,
        project="" if project == NO_PROJECT else project,
        run_id=run_id,
        name=row["name"],
        notes=row["notes"],
        tags=tuple(json.loads(row["tags"])),
        group=row["run_group"],
        job_type=row["job_type"],
        sweep_id=row["sweep_id"],
        program=row["program"],
        host=row["host"],
        git_commit=row["git_commit"],
        git_remote=row["git_remote"],
        config=config,
        tools_config=tools if isinstance(tools, dict) else {},
        summary=_summary(row),
        definitions=_definitions(logs),
        exit_code=row["exit_code"],
        runtime=row["runtime"],
        state=_state(row, [str(log.part.log) for log in logs]),
        preempting=bool(row["preempting"]),
        branch=next(((f.branch_run, f.branch_step) for log in logs if (f := log.facts).branch_run), None),
        is_resuming=bool(logs) and _says_resume(logs[0].part),
        parts=tuple(log.part for log in logs),
        edit_logs=_edit_logs(connection, identity),
    )


@dataclass(frozen=True)
class _Log:
    """A log with what the index keeps of its fold."""

    part: LogPart
    facts: LogFacts
    fold: Mapping[str, Any]

    @classmethod
    def of(cls, cursor: sqlite3.Cursor, piece: Piece) -> _Log:
        row = _row_of(cursor, piece.log)
        fold = json.loads(row["state"])["fold"]
        facts = LogFacts(**fold["facts"])
        part = LogPart(
            log=Path(row["path"]),
            log_id=row["log_id"] or "",
            kind=row["kind"],
            place=row["id"],
            started_at=row["started_at"],
            end=row["indexed"],
            records=row["records"] + row["undecodable"],
            starting_step=row["starting_step"],
            after=piece.after,
            below=piece.below,
            has_ended=facts.exit_code is not None,
            lost_bytes=row["lost_bytes"],
            missing=row["missing"],
        )
        return cls(part, facts, fold)


def _row_of(cursor: sqlite3.Cursor, place: int) -> sqlite3.Row:
    """Return the row of a log, or of a copy of it where the log itself is gone."""
    row: sqlite3.Row = cursor.execute("SELECT * FROM logs WHERE id = ?", (place,)).fetchone()
    if not row["log_id"] or os.path.exists(row["path"]):
        return row
    copies = cursor.execute("SELECT * FROM logs WHERE log_id = ? ORDER BY indexed DESC, path", (row["log_id"],))
    return next((copy for copy in copies.fetchall() if os.path.exists(copy["path"])), row)


def _definitions(logs: list[_Log]) -> Definitions:
    definitions = Definitions()
    for log in logs:
        said = {**SummaryFold().state(), "definitions": log.fold["summary"]["definitions"]}
        definitions.update(SummaryFold.from_state(said).definitions)
    return definitions


def _summary(row: sqlite3.Row) -> dict[str, Any]:
    """Return the summary as stock's tools send it: without what is None, and with the last step and the time that the
    run took, in whole seconds.
    """
    summary: dict[str, Any] = _without_none(from_columns(row["summary"], row["summary_nan"]))
    if row["last_step"] >= 0:
        summary["_step"] = row["last_step"]  # which is not what its log says, where its rows were lifted
    if not isinstance(summary.get(_TOOLS), dict):
        summary[_TOOLS] = {"runtime": int(_seconds(row, summary.get("_runtime")))}
    return summary


def _seconds(row: sqlite3.Row, last_row: Any) -> float:
    """Return how long the run took: to its end, or, where it has none, to the last row."""
    if row["exit_code"] is None and isinstance(last_row, (int, float)) and 0 <= last_row < math.inf:
        return last_row
    return float(row["runtime"])


def _without_none(tree: Mapping[str, Any]) -> dict[str, Any]:
    known = ((key, value) for key, value in tree.items() if value is not None)
    return {key: _without_none(value) if isinstance(value, dict) else value for key, value in known}


def _state(row: sqlite3.Row, logs: list[str]) -> str:
    process = ProcessName(row["host"], row["boot_id"], row["pid"], row["pid_started_ticks"])
    preempting = bool(row["preempting"])
    return state_of(row["exit_code"], process, row["heartbeat_at"], logs, time.time(), preempting=preempting)


def _says_resume(part: LogPart) -> bool:
    """Return whether a log is told to go on with what a server has of the run."""
    try:
        for number, framed in enumerate(LogReader(part.log)):
            record = codec.decode(framed.payload)
            if record is not None and record.HasField("run"):
                return record.run.resume
            if number >= _FIRST_RECORDS:
                break
    except (LogError, NotFound):  # the walk says so
        pass
    return False


def _edit_logs(connection: sqlite3.Connection, identity: tuple[str, str, str]) -> tuple[EditLog, ...]:
    """Return the edit logs that are about a run, each once however many copies of it there are."""
    found = connection.execute(
        "SELECT path, log_id, indexed, records FROM logs WHERE id IN"
        " (SELECT log FROM edits WHERE entity = ? AND project = ? AND run_id = ?) ORDER BY indexed, path DESC",
        identity,
    )
    logs = {log_id or path: EditLog(Path(path), log_id or "", end, records) for path, log_id, end, records in found}
    return tuple(sorted(logs.values(), key=lambda log: log.log))


def _open_lines(state: Mapping[str, Any]) -> list[ConsoleText]:
    """Return the lines that were not ended, as of the latest time that the log shows."""
    when = state["fold"]["facts"]["heartbeat_at"]
    texts = [(stream, TerminalLine(*line).text) for stream, line in state["terminal"].items()]
    return [ConsoleText(when, stream, text) for stream, text in texts if text]
