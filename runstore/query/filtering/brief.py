"""Runs by what a table of runs shows, and nothing else: a list of 10,000 has no time to make a whole run of each."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runstore.core.conditions import Condition, Order
from runstore.index.slices import slices
from runstore.index.state import FINISHED, logs_of, state_of
from runstore.query.filtering.fields import Fields, tree_in
from runstore.query.filtering.select import in_sqlite, select
from runstore.runlog.process import ProcessName

# With 10,000 runs each column takes a millisecond: what a state depends on is asked of those that have not ended well.
_SHOWN = "id, exit_code, run_id, name, project, created_at, last_step, summary, summary_nan"
_OF_STATE = "id, exit_code, heartbeat_at, preempting, host, boot_id, pid, pid_started_ticks"


class BriefRun(NamedTuple):
    """What a table shows of a run; `created_at` in seconds since the epoch, `last_step` -1 where there is none."""

    id: str
    name: str
    project: str
    state: str
    created_at: float
    last_step: int
    summary: Mapping[str, Any]

    @classmethod
    def of(cls, fields: Fields) -> BriefRun:
        """Return what a table shows of a run with these values."""
        value = fields.value
        return cls(
            value("id"),
            value("name"),
            value("project") or "",
            value("state"),
            value("created_at"),
            value("last_step"),
            fields.tree("summary"),
        )


def brief_runs(
    connection: sqlite3.Connection,
    condition: Condition,
    order: Sequence[Order] = (),
    limit: int | None = None,
    *,
    below: Sequence[Path] | None = None,
) -> list[BriefRun]:
    """Return in brief the runs that `select` returns; where SQLite can be asked for all, no run is made of them."""
    asked = in_sqlite(condition, order, below)
    if asked is None:
        return [BriefRun.of(run.fields) for run in select(connection, condition, order, limit, below=below)]
    query = f"SELECT {_SHOWN} FROM runs {asked.text} LIMIT ?"
    rows = connection.execute(query, (*asked.arguments, -1 if limit is None else limit)).fetchall()
    states = states_of(connection, [place for place, exit_code, *_ in rows if exit_code != 0])
    return [
        BriefRun(
            run_id,
            name or run_id,
            project,
            states.get(place, FINISHED),
            created_at,
            last_step,
            tree_in(tree, nan_paths),
        )
        for place, _, run_id, name, project, created_at, last_step, tree, nan_paths in rows
    ]


def states_of(connection: sqlite3.Connection, places: Sequence[int]) -> dict[int, str]:
    """Return the states of runs at these places of the table `runs`, by place."""
    rows = [row for some in slices(places) for row in connection.execute(_of_places(some), some)]
    logs, now = logs_of(connection, [place for place, exit_code, *_ in rows if exit_code is None]), time.time()
    return {
        place: state_of(
            exit_code, ProcessName(*process), heartbeat_at, logs.get(place, ()), now, preempting=bool(preempting)
        )
        for place, exit_code, heartbeat_at, preempting, *process in rows
    }


def _of_places(places: Sequence[int]) -> str:
    return f"SELECT {_OF_STATE} FROM runs WHERE id IN ({', '.join('?' * len(places))})"
