"""The row of a run: what all of its logs say together, computed anew whenever one of them has grown."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from runstore.core.identity import NO_PROJECT, RunPath
from runstore.core.logfold import LogFacts, LogFold
from runstore.core.stitch import Fragment, Piece, stitch
from runstore.core.summary import SummaryFold
from runstore.index.jsontext import to_columns
from runstore.paths import is_log_name, run_id_of

_INT64_MAX = (1 << 63) - 1  # steps of a log that resumes are moved, maybe beyond what SQLite holds
_STITCHED = (
    "SELECT log_id, id, path, kind, started_at, starting_step, last_step, rows FROM logs WHERE run = ?"
    " ORDER BY indexed, path DESC"
)


def pieces_of(connection: sqlite3.Connection, run: int) -> list[Piece]:
    """Return how the logs of a run make up its history, in order. Of copies of one log, the longest counts."""
    by_content: dict[str, Fragment] = {}
    for log_id, *facts in connection.execute(_STITCHED, (run,)):
        fragment = Fragment(*facts)
        by_content[log_id or fragment.path] = fragment
    return stitch(list(by_content.values()))


def update_run(connection: sqlite3.Connection, log: int) -> None:
    """Bring the run that `log` belongs to up to date, and the one that it belonged to before."""
    path, before, state = connection.execute("SELECT path, run, state FROM logs WHERE id = ?", (log,)).fetchone()
    fold = LogFold()
    fold.restore(json.loads(state)["fold"])
    identity = _identity(fold, Path(path))
    if identity is None:
        return
    run = _run_row(connection, identity)
    if before != run:
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
    connection.execute("DELETE FROM chunks WHERE series IN (SELECT id FROM series WHERE log = ?)", (log,))
    for table in ("series", "history_values", "console"):
        connection.execute(f"DELETE FROM {table} WHERE log = ?", (log,))
    connection.execute("DELETE FROM logs WHERE id = ?", (log,))
    if run is not None:
        _after_leaving(connection, run)


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
_NUMBERS = ("created_at", "heartbeat_at", "runtime", "last_step", "preempting", "pid", "pid_started_ticks")


def _run_row(connection: sqlite3.Connection, identity: RunPath) -> int:
    found = connection.execute(
        "SELECT id FROM runs WHERE entity = ? AND project = ? AND run_id = ?", identity
    ).fetchone()
    if found is not None:
        return int(found[0])
    columns: dict[str, Any] = {"tags": "[]", "config": "{}", "summary": "{}"}
    columns |= dict.fromkeys(_TEXTS, "") | dict.fromkeys(_NUMBERS, 0)  # written for good by _write_run
    names = ", ".join(("entity", "project", "run_id", *columns))
    marks = ", ".join("?" * (3 + len(columns)))
    cursor = connection.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", (*identity, *columns.values()))
    return cursor.lastrowid or 0


def _after_leaving(connection: sqlite3.Connection, run: int) -> None:
    """Bring a run up to date that one of its logs has left; without any log it is gone."""
    if connection.execute("SELECT 1 FROM logs WHERE run = ?", (run,)).fetchone() is None:
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))
    else:
        _write_run(connection, run, {})


def _write_run(connection: sqlite3.Connection, run: int, folds: dict[int, LogFold]) -> None:
    """Write the row of a run from its logs; `folds` holds those that are at hand already."""
    pieces = pieces_of(connection, run)
    for piece in pieces:
        if piece.log not in folds:
            (state,) = connection.execute("SELECT state FROM logs WHERE id = ?", (piece.log,)).fetchone()
            folds[piece.log] = LogFold()
            folds[piece.log].restore(json.loads(state)["fold"])
    ordered = [folds[piece.log] for piece in pieces]
    columns = _columns([fold.facts for fold in ordered])
    columns["last_step"] = min(max(piece.last_step for piece in pieces), _INT64_MAX)
    config, summary = _config(ordered), _summary(ordered)
    columns["config"], columns["config_nan"] = to_columns(config)
    columns["summary"], columns["summary_nan"] = to_columns(summary)
    assignments = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*columns.values(), run))


def _columns(logs: list[LogFacts]) -> dict[str, Any]:
    """Return what the facts of a run's logs, in order, say of the run: for most things the last word counts."""
    main = [facts for facts in logs if facts.kind not in ("rank", "successor")] or logs
    process = _current_process(logs)
    tags = next((facts.tags for facts in reversed(logs) if facts.tags), [])
    return {
        "name": _last_word(logs, "name"),
        "notes": _last_word(logs, "notes"),
        "tags": json.dumps(tags, ensure_ascii=False),
        "run_group": _last_word(logs, "group"),
        "job_type": _last_word(logs, "job_type"),
        "sweep_id": _last_word(logs, "sweep_id"),
        "program": _last_word(logs, "program"),
        "writer": _last_word(logs, "writer"),
        "git_commit": _last_word(logs, "git_commit"),
        "git_remote": _last_word(logs, "git_remote"),
        "created_at": min(facts.started_at for facts in main),
        "heartbeat_at": max(facts.heartbeat_at for facts in logs),
        "runtime": max(facts.runtime for facts in process),
        "exit_code": next((facts.exit_code for facts in reversed(process) if facts.exit_code is not None), None),
        "preempting": int(any(facts.preempting for facts in process)),
        "host": process[0].host,
        "boot_id": process[0].boot_id,
        "pid": process[0].pid,
        "pid_started_ticks": process[0].pid_started_ticks,
    }


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


def _config(ordered: list[LogFold]) -> dict[str, Any]:
    """Return the config of a run: of each key what the last log says; of `_wandb`, the tools' own, what any says."""
    config: dict[str, Any] = {}
    for fold in ordered:
        tools = {**_dict(config.get("_wandb")), **_dict(fold.config.get("_wandb"))}
        config |= {**fold.config, "_wandb": tools} if tools else fold.config
    return config


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _summary(ordered: list[LogFold]) -> dict[str, Any]:
    if len(ordered) == 1:
        return ordered[0].summary.tree()
    summary = SummaryFold()
    for fold in ordered:
        summary = summary.followed_by(fold.summary)
    return summary.tree()
