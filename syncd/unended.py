"""Logs of runs that have not ended: a process that was killed says nothing, so somebody has to look.

A W&B server is told that such a run has ended when its state says so, which no change of its log shows.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from runstore.index.state import PREEMPTING, RUNNING, logs_of, state_of
from runstore.runlog.process import ProcessName
from runstore.syncd.delivery import Ready

LOOK_SECONDS = 15.0

_PROCESS = (
    "SELECT runs.id, exit_code, host, boot_id, pid, pid_started_ticks, heartbeat_at, preempting"
    " FROM logs JOIN runs ON runs.id = run WHERE path = ?"
)


class Unended:
    """The logs that may still be written; for one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[Path, Ready] = {}
        self._due: list[Path] = []
        self._next_look = clock() + LOOK_SECONDS

    def note(self, what: Ready) -> None:
        """Take note of a log as it is now."""
        if what.has_ended:
            self.forget(what.log)
        else:
            self._waiting[what.log] = what

    def forget(self, log: Path) -> None:
        """Drop a log that has ended, or is gone."""
        self._waiting.pop(log, None)

    def over(self, connection: sqlite3.Connection, seconds: float) -> list[Ready]:
        """Return logs whose runs turn out to be over, each once; looks for about so long, and at all every 15 s."""
        if not self._due and self._clock() >= self._next_look:
            self._due, self._next_look = list(self._waiting), self._clock() + LOOK_SECONDS
        until = time.monotonic() + seconds
        found = []
        while self._due and time.monotonic() < until:
            what = self._waiting.get(self._due.pop())
            if what is not None and _is_over(connection, what.log):
                del self._waiting[what.log]
                found.append(what)
        return found


def _is_over(connection: sqlite3.Connection, log: Path) -> bool:
    row = connection.execute(_PROCESS, (str(log),)).fetchone()
    if row is None:
        return False
    run, exit_code, host, boot_id, pid, ticks, heartbeat_at, preempting = row
    logs = logs_of(connection, [run])[run]
    process = ProcessName(host, boot_id, pid, ticks)
    state = state_of(exit_code, process, heartbeat_at, logs, time.time(), preempting=bool(preempting))
    return state not in (RUNNING, PREEMPTING)
