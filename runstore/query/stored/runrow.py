"""What the index has of one run in its row: what it is, when it was, how it stands."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runstore.core.identity import RunPath
from runstore.core.times import iso
from runstore.index.state import FINISHED, state_of
from runstore.query.filtering.fields import RowFields
from runstore.runlog.process import ProcessName

TakeIn = Callable[[Path], object]  # brings one log into the index


class RunRow:
    """One run of the index, by what its logs say of it and nobody changes afterwards."""

    _logs: Sequence[str] | None = None  # their paths, where they are at hand

    def __init__(self, connection: sqlite3.Connection, row: sqlite3.Row, take_in: TakeIn | None = None) -> None:
        self._connection = connection
        self._row: sqlite3.Row | dict[str, Any] = row
        self._take_in = take_in
        self._fields: RowFields | None = None

    def note_logs(self, logs: Sequence[str]) -> None:
        """Take note of the paths of its logs, in the order in which they were begun: nobody need ask for them."""
        self._logs = logs

    @property
    def fields(self) -> RowFields:
        """Its values by the names that filters, orders and columns use."""
        if self._fields is None:  # a cached_property takes a lock, which counts with 10,000 runs
            self._fields = RowFields(self._row, lambda: self.state)
        return self._fields

    @property
    def connection(self) -> sqlite3.Connection:
        """The index that has it."""
        return self._connection

    @property
    def place(self) -> int:
        """The number of its row, good as long as the index is."""
        return int(self._row["id"])

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return str(self._row["run_id"])

    @property
    def entity(self) -> str:
        """The user or team; "" where none was given."""
        return str(self._row["entity"])

    username = entity

    @property
    def project(self) -> str:
        """The project; "uncategorized" where none was given."""
        return str(self._row["project"])

    @property
    def path(self) -> list[str]:
        """Entity, project and id, without an empty entity."""
        return [part for part in (self.entity, self.project, self.id) if part]

    @property
    def storage_id(self) -> str:
        """What names the run among all: its path."""
        return "/".join(self.path)

    @property
    def created_at(self) -> str:
        """When the run was begun: ISO 8601, UTC."""
        return iso(self._row["created_at"])

    @property
    def heartbeat_at(self) -> str:
        """The latest time that any of its records shows: ISO 8601, UTC."""
        return iso(self._row["heartbeat_at"])

    @property
    def exit_code(self) -> int | None:
        """What the process ended with; None while it runs, and where it was killed."""
        code: int | None = self._row["exit_code"]
        return code

    @property
    def state(self) -> str:
        """Running, finished, failed, crashed, preempting or preempted (in lower case), as of now."""
        row = self._row
        if row["exit_code"] == 0:  # as that of most runs: nothing else matters
            return FINISHED
        process = ProcessName(row["host"], row["boot_id"], row["pid"], row["pid_started_ticks"])
        preempting = bool(row["preempting"])
        return state_of(
            self.exit_code, process, row["heartbeat_at"], self._each_log(), time.time(), preempting=preempting
        )

    @property
    def commit(self) -> str | None:
        """The commit of the program's repository; None where it is not known."""
        return str(self._row["git_commit"]) or None

    @property
    def sweep_name(self) -> str | None:
        """The id of the sweep that the run belongs to; None without one."""
        return str(self._row["sweep_id"]) or None

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - W&B's name for it
        """The highest step; -1 where there is no history."""
        return int(self._row["last_step"])

    @property
    def logs(self) -> list[str]:
        """The paths of the run's logs, in the order in which they were begun."""
        return list(self._each_log())

    @property
    def url(self) -> str:
        """The run directory that was begun last, as a URL."""
        logs = self.logs
        return Path(logs[-1]).parent.as_uri() if logs else ""

    def _each_log(self) -> Iterator[str]:
        if self._logs is not None:
            yield from self._logs
            return
        query = "SELECT path FROM logs WHERE run = ? ORDER BY started_at, path"
        for (path,) in self._connection.execute(query, (self.place,)):  # only when it matters: it seldom does
            yield path

    def __repr__(self) -> str:
        return f"<StoredRun {RunPath(self.entity, self.project, self.id)} ({self.state})>"
