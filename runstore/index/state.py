"""The state of a run, which depends on when one asks: whether its process still lives, and when it last wrote.

A run that ended says so in its log, and costs nothing here. Of the others the process is looked for, where this host
can tell; else signs of life count: the latest time that a record shows (metrics of the machine come every 15 s), and
the time at which a log last grew. Only such runs cost a look at their logs.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache

from runstore.index.slices import slices
from runstore.runlog.process import ProcessName

RUNNING, FINISHED, FAILED, CRASHED = "running", "finished", "failed", "crashed"
# The program said that it will be stopped for others' sake, and then: it is still there; it is gone, or has failed.
PREEMPTING, PREEMPTED = "preempting", "preempted"
STATES = (RUNNING, FINISHED, FAILED, CRASHED, PREEMPTING, PREEMPTED)


def state_of(
    exit_code: int | None,
    process: ProcessName,
    heartbeat_at: float,
    logs: Iterable[str],
    now: float,
    *,
    preempting: bool = False,
) -> str:
    """Return one of STATES: how the run's process ended, or, without an exit record, whether it is still there.

    `heartbeat_at` and `now` are in seconds since the epoch. The paths of `logs` are asked for only where there is no
    exit record, so an iterator that looks them up costs nothing else.
    """
    if exit_code == 0:
        return FINISHED
    if exit_code is None and _is_there(process, heartbeat_at, list(logs), now):
        return PREEMPTING if preempting else RUNNING
    if preempting:
        return PREEMPTED
    return CRASHED if exit_code is None else FAILED


def logs_of(connection: sqlite3.Connection, places: Sequence[int]) -> dict[int, list[str]]:
    """Return the paths of the logs of these runs, each run's in the order in which they were begun; in few queries."""
    logs: dict[int, list[str]] = {place: [] for place in places}
    for some in slices(places):
        marks = ", ".join("?" * len(some))
        query = f"SELECT run, path FROM logs WHERE run IN ({marks}) ORDER BY started_at, path"
        for place, path in connection.execute(query, some):
            logs[place].append(path)
    return logs


def silence_seconds() -> float:
    """Return after how long without a sign of life a run counts as crashed: the setting `crashed_after`."""
    return _silence_seconds(os.environ.get("RUNSTORE_CRASHED_AFTER"))


@lru_cache(maxsize=1)
def _silence_seconds(_: str | None) -> float:
    from runstore.settings import resolve  # 20 ms, which a list of ended runs need not wait for

    return resolve().crashed_after


def _is_there(process: ProcessName, heartbeat_at: float, logs: list[str], now: float) -> bool:
    alive = process.is_alive()
    if alive:
        return True
    silence = silence_seconds()
    # Times far ahead of now are no signs of life: a clock was wrong, or the program logged a `_timestamp` of its own.
    times = [time for time in (heartbeat_at, *map(_changed_at, logs)) if time < now + silence]
    if now - max(times, default=0.0) >= silence:
        return False
    return alive is None or _is_held(logs)


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _is_held(logs: list[str]) -> bool:
    """Whether a process other than the one that began a log has it now: a child whose parent is gone may go on."""
    try:
        with open("/proc/locks", encoding="ascii") as file:
            held = {line.split()[-3].rpartition(":")[2] for line in file if " FLOCK " in line}
    except OSError:
        return False
    return not held.isdisjoint(str(_inode(path)) for path in logs)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0
