"""The state of a run, which depends on when one asks: whether its process still lives, and when it last wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable

from runstore.runlog.process import ProcessName

# A run without an exit record that has not written for this long is taken for dead, unless its process is seen here.
SILENCE_SECONDS = 300.0

RUNNING, FINISHED, FAILED, CRASHED = "running", "finished", "failed", "crashed"


def state_of(exit_code: int | None, process: ProcessName, heartbeat_at: float, logs: Iterable[str], now: float) -> str:
    """Return running, finished (exit code 0), failed (another), or crashed (no exit record, and no process).

    `heartbeat_at` and `now` are in seconds since the epoch; the growth of `logs` counts as a sign of life, too.
    """
    if exit_code is not None:
        return FINISHED if exit_code == 0 else FAILED
    alive = process.is_alive()
    if alive is not None:
        return RUNNING if alive else CRASHED
    latest = max([heartbeat_at, *map(_changed_at, logs)])
    return RUNNING if now - latest < SILENCE_SECONDS else CRASHED


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
