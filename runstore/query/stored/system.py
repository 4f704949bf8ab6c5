"""What was measured of the machine while a run was recorded: its stream `system`."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from runstore.index.chunks.series import Chunk
from runstore.index.chunks.tails import CHUNK_COLUMNS

# As W&B's servers call them; logs leave it out.
PREFIX = "system."


def system_rows(connection: sqlite3.Connection, logs: Sequence[int], began: float) -> list[dict[str, Any]]:
    """Return what these logs (rows) measured, in order of time: `_timestamp` and `_runtime` in seconds, and values.

    `began` is when the run was begun, in seconds since the epoch. What several processes measured in the same
    millisecond is one row.
    """
    rows: dict[int, dict[str, Any]] = {}
    for key, chunk in _chunks(connection, logs):
        for moment, value in zip(chunk.step_array().tolist(), chunk.values(), strict=True):
            rows.setdefault(moment, {})[PREFIX + key] = value
    return [
        {"_timestamp": moment / 1000, "_runtime": moment / 1000 - began, **row} for moment, row in sorted(rows.items())
    ]


def latest_system(connection: sqlite3.Connection, logs: Sequence[int]) -> dict[str, Any]:
    """Return the value of each system metric that was measured last. Reads one chunk a metric and log."""
    latest: dict[str, tuple[int, Any]] = {}
    for log in logs:
        found = connection.execute(
            "SELECT key, chunks.last_step, last FROM series JOIN chunks ON series = series.id"
            " WHERE log = ? AND stream = 'system' ORDER BY key, place",
            (log,),
        )
        for key, moment, value in found:
            if key not in latest or moment >= latest[key][0]:
                latest[key] = moment, math.nan if value is None else value
    return {PREFIX + key: value for key, (_, value) in sorted(latest.items())}


def _chunks(connection: sqlite3.Connection, logs: Sequence[int]) -> Iterator[tuple[str, Chunk]]:
    for log in logs:
        found = connection.execute(
            f"SELECT key, {CHUNK_COLUMNS} FROM series JOIN chunks ON series = series.id"
            " WHERE log = ? AND stream = 'system' ORDER BY series, place",
            (log,),
        )
        for key, *columns in found:
            yield key, Chunk(*columns)
