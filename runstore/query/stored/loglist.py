"""The logs that a run is made of, as a person wants to know them: where they lie and whether they are whole."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

_FACTS = (
    "SELECT path, kind, started_at, starting_step, last_step, rows + open_row, indexed, lost_bytes, undecodable,"
    " missing, branch_run, branch_step FROM logs WHERE run = ? ORDER BY started_at, path"
)


class LogFacts(NamedTuple):
    """One log; `kind` is "" for those of stock tools, `branch_run` for runs that were not forked from another one."""

    path: str
    kind: str
    started_at: float  # seconds since the epoch
    starting_step: int
    last_step: int  # -1: no row
    rows: int
    size: int  # bytes that were read
    lost_bytes: int
    undecodable: int
    missing: int  # records that were never written, or lost
    branch_run: str
    branch_step: int


def log_facts(connection: sqlite3.Connection, run: int) -> list[LogFacts]:
    """Return all logs of a run, copies and edits too, in the order in which they were begun."""
    return [LogFacts(*row) for row in connection.execute(_FACTS, (run,))]
