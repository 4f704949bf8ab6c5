"""The row of a run: what all of its logs say together, computed anew whenever one of them has grown."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runstore.core.identity import NO_PROJECT, RunPath
from runstore.core.logfold import LogFacts, LogFold
from runstore.core.stitch import Piece
from runstore.core.story import config_of, summary_of, tags_of, texts_of, told
from runstore.index.artifacts.stale import mark_those_of
from runstore.index.facts import edited_runs, edits_of, forget_facts
from runstore.index.jsontext import to_columns
from runstore.index.kept import counting_fold
from runstore.index.pieces import forks_of, inherited_and_own
from runstore.paths import is_log_name, run_id_of

_INT64_MAX = (1 << 63) - 1  # steps of a log that resumes are moved, maybe beyond what SQLite holds


def update_run(connection: sqlite3.Connection, log: int, fold: LogFold) -> None:
    """Bring the run that `log` belongs to up to date, and the one that it belonged to before.

    `fold` is what was written of the log; it stays as it is.
    """
    path, before = connection.execute("SELECT path, run FROM logs WHERE id = ?", (log,)).fetchone()
    if fold.facts.kind == "edit":
        _update_edited(connection, edited_runs(connection, log))
        return
    identity = _identity(fold, Path(path))
    if identity is None:
        return
    run = _run_row(connection, identity)
    if before != run:
        if before is not None:  # its artifacts leave the collections of that run
            mark_those_of(connection, log)
        connection.execute("UPDATE logs SET run = ? WHERE id = ?", (run, log))
    _write_run(connection, run, {log: fold})
    if before is not None and before != run:
        _after_leaving(connection, before)


def forget_log(connection: sqlite3.Connection, path: str) -> None:
    """Remove a log's rows, and bring its run up to date without it."""
    found = connection.execute("SELECT id, run FROM logs WHERE path = ?", (path,)).fetchone()
    if found is None:
        return
    log, run = found
    edited = edited_runs(connection, log)
    mark_those_of(connection, log)
    connection.execute("DELETE FROM chunks WHERE series IN (SELECT id FROM series WHERE log = ?)", (log,))
    for table in ("series", "history_values", "console", "kept", "rescues", "deliveries"):
        connection.execute(f"DELETE FROM {table} WHERE log = ?", (log,))
    forget_facts(connection, log)
    connection.execute("DELETE FROM logs WHERE id = ?", (log,))
    again = "UPDATE folders SET mtime_ns = 0, ctime_ns = 0 WHERE path = ?"  # to be listed again, whatever its times
    connection.execute(again, (os.path.dirname(path),))
    if run is not None:
        _after_leaving(connection, run)
    _update_edited(connection, edited)


def _update_edited(connection: sqlite3.Connection, runs: Iterable[tuple[str, str, str]]) -> None:
    """Bring runs (entity, project, id) up to date that edits are about, as far as there are logs of them."""
    for identity in runs:
        run = _known_run(connection, identity)
        if run is not None:
            _write_run(connection, run, {})


def _identity(fold: LogFold, path: Path) -> RunPath | None:
    """Return the run that a log belongs to; where its run record is lost, what the file's name says."""
    facts = fold.facts
    if not facts.run_id and fold.last_step < 0:
        return None
    return RunPath(facts.entity, facts.project or NO_PROJECT, facts.run_id or _id_from_names(path))


def _id_from_names(path: Path) -> str:
    # A hub keeps every log under one name, in a folder named after the log's digest.
    return run_id_of(path) if is_log_name(path.name) else path.parent.name[:8]


_TEXTS: tuple[str, ...] = (
    "name",
    "notes",
    "run_group",
    "job_type",
    "sweep_id",
    "program",
    "writer",
    "git_commit",
    "git_remote",
)
_TEXTS += ("host", "boot_id")
_COLUMNS_OF_TEXTS = {"group": "run_group"}
_NUMBERS = ("created_at", "heartbeat_at", "runtime", "last_step", "preempting", "pid", "pid_started_ticks")


def _known_run(connection: sqlite3.Connection, identity: tuple[str, str, str]) -> int | None:
    query = "SELECT id FROM runs WHERE entity = ? AND project = ? AND run_id = ?"
    found = connection.execute(query, identity).fetchone()
    return None if found is None else int(found[0])


def _run_row(connection: sqlite3.Connection, identity: RunPath) -> int:
    known = _known_run(connection, identity)
    if known is not None:
        return known
    columns: dict[str, Any] = {"tags": "[]", "config": "{}", "summary": "{}"}
    columns |= dict.fromkeys(_TEXTS, "") | dict.fromkeys(_NUMBERS, 0)  # written for good by _write_run
    names = ", ".join(("entity", "project", "run_id", *columns))
    marks = ", ".join("?" * (3 + len(columns)))
    cursor = connection.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", (*identity, *columns.values()))
    return cursor.lastrowid or 0


def _after_leaving(connection: sqlite3.Connection, run: int) -> None:
    """Bring a run up to date that one of its logs has left; without any log it is gone."""
    if connection.execute("SELECT 1 FROM logs WHERE run = ?", (run,)).fetchone() is None:
        forks = forks_of(connection, run)
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))
        for fork in forks:
            _write_run(connection, fork, {})
    else:
        _write_run(connection, run, {})


def _write_run(connection: sqlite3.Connection, run: int, folds: dict[int, LogFold]) -> None:
    """Write the row of a run from its logs, and those of its forks; `folds` holds those that are at hand already."""
    _write_row(connection, run, folds)
    written, waiting = {run}, forks_of(connection, run)
    while waiting:
        fork = waiting.pop()
        if fork not in written:
            written.add(fork)
            _write_row(connection, fork, {})
            waiting += forks_of(connection, fork)


def _write_row(connection: sqlite3.Connection, run: int, folds: dict[int, LogFold]) -> None:
    inherited, pieces = inherited_and_own(connection, run)
    for piece in pieces:
        if piece.log not in folds:
            (state,) = connection.execute("SELECT state FROM logs WHERE id = ?", (piece.log,)).fetchone()
            folds[piece.log] = LogFold()
            folds[piece.log].restore(json.loads(state)["fold"])
    ordered = [folds[piece.log] for piece in pieces]
    columns = _columns([fold.facts for fold in ordered])
    lineage = inherited + pieces
    columns["last_step"] = min(max(piece.last_step for piece in lineage), _INT64_MAX)
    identity = connection.execute("SELECT entity, project, run_id FROM runs WHERE id = ?", (run,)).fetchone()
    edits = edits_of(connection, identity)
    story = told(ordered, edits)
    counting = told([_counting(connection, piece, folds) for piece in lineage], edits)
    columns |= {_COLUMNS_OF_TEXTS.get(name, name): text for name, text in texts_of(story).items()}
    columns["tags"] = json.dumps(tags_of(story), ensure_ascii=False)
    columns["config"], columns["config_nan"] = to_columns(config_of(story))
    columns["summary"], columns["summary_nan"] = to_columns(summary_of(counting).tree())
    assignments = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*columns.values(), run))


def _counting(connection: sqlite3.Connection, piece: Piece, folds: dict[int, LogFold]) -> LogFold:
    """Return the fold of what counts of one log: mostly all of it, and that is at hand."""
    if piece.below is None and piece.log in folds:
        return folds[piece.log]
    return counting_fold(connection, piece)


def _columns(logs: list[LogFacts]) -> dict[str, Any]:
    """Return what the facts of a run's logs, in order, say of the run, and edits don't: mostly the last word counts."""
    main = [facts for facts in logs if facts.kind not in ("rank", "successor")] or logs
    process = _current_process(logs)
    return {
        "sweep_id": _last_word(logs, "sweep_id"),
        "program": _last_word(logs, "program"),
        "writer": _last_word(logs, "writer"),
        "git_commit": _last_word(logs, "git_commit"),
        "git_remote": _last_word(logs, "git_remote"),
        "created_at": min(facts.started_at for facts in main),
        "heartbeat_at": max(facts.heartbeat_at for facts in logs),
        "runtime": _runtime(process),
        "exit_code": next((facts.exit_code for facts in reversed(process) if facts.exit_code is not None), None),
        "preempting": int(any(facts.preempting for facts in process)),
        "host": process[0].host,
        "boot_id": process[0].boot_id,
        "pid": process[0].pid,
        "pid_started_ticks": process[0].pid_started_ticks,
    }


def _runtime(process: list[LogFacts]) -> float:
    """Return the seconds that a process says it took; of one that is at work, or was killed, those that it shows."""
    said = max(facts.runtime for facts in process)
    started = min((facts.started_at for facts in process if facts.started_at > 0), default=0.0)
    return said or max(0.0, max(facts.heartbeat_at for facts in process) - started if started else 0.0)


def _current_process(logs: list[LogFacts]) -> list[LogFacts]:
    """Return the logs of the process that has the run now, or had it last: its first, and its successors."""
    process: list[LogFacts] = []
    for facts in logs:
        if facts.kind == "successor" and process:
            process.append(facts)
        elif facts.kind != "rank" or not process:
            process = [facts]
    return process


def _last_word(logs: list[LogFacts], name: str) -> str:
    return next((str(getattr(facts, name)) for facts in reversed(logs) if getattr(facts, name)), "")
