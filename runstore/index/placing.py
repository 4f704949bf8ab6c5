"""Where the rows of one log stand in its run: the rule of `core.stitch.Piece.after`, on arrays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.core.logfold import LogFold, Row
from runstore.index.chunks.series import Chunk

Steps = npt.NDArray[np.int64]
LAST_STEP = (1 << 63) - 1  # no row stands behind it, however far others are lifted

# What it takes to know the steps of a chunk: nothing of its values, which are most of it.
_ABOUT_STEPS = {"n", "first_step", "last_step", "stride", "form", "steps"}
STEP_COLUMNS = ", ".join(f.name if f.name in _ABOUT_STEPS else f"NULL AS {f.name}" for f in fields(Chunk))
# Each column of steps once: the metrics of a log mostly stand at the same steps.
_COLUMNS_OF_STEPS = (
    f"SELECT DISTINCT {STEP_COLUMNS} FROM series JOIN chunks ON series = series.id WHERE log = ? AND stream = 'history'"
)


def lifted(steps: Steps, after: int) -> Steps:
    """Return for each of these steps, which are in order and each there once, the one at which it stands.

    That is the step itself where it lies behind `after`, and behind all that were lifted before it; else the next
    free one. Rows that would be lifted beyond 64 bits stand at the last step.
    """
    if not len(steps) or int(steps[0]) > after:
        return steps
    places = np.arange(len(steps), dtype=np.int64)
    if max(after, int(steps[-1])) > LAST_STEP - len(steps) or int(steps[0]) < len(steps) - LAST_STEP:
        return _one_by_one(steps, after)
    # The distance from a row's number to its step can only grow from row to row.
    distance: Steps = np.maximum(np.maximum.accumulate(steps - places), after + 1)
    return distance + places


def steps_of_log(connection: sqlite3.Connection, log: int) -> Steps:
    """Return every step of a log's history, in order, each once."""
    parts = [steps_of_chunk(columns) for columns in connection.execute(_COLUMNS_OF_STEPS, (log,))]
    texts = connection.execute("SELECT DISTINCT step FROM history_values WHERE log = ?", (log,))
    parts.append(np.array([step for (step,) in texts], np.int64))
    step, row = open_row(connection, log)
    parts.append(np.array([step] if row else [], np.int64))
    return np.unique(np.concatenate(parts))


def steps_of_chunk(columns: Sequence[Any]) -> Steps:
    """Return the steps of a chunk of which only STEP_COLUMNS were read."""
    return Chunk(*columns).step_array()


def open_row(connection: sqlite3.Connection, log: int) -> tuple[int, Row]:
    """Return step and values of a row that may still be added to: it was logged, so it counts."""
    found = connection.execute("SELECT state FROM logs WHERE id = ? AND open_row", (log,)).fetchone()
    if found is None:
        return 0, {}
    fold = LogFold()
    fold.restore(json.loads(found[0])["fold"])
    return fold.pending or (0, {})


def _one_by_one(steps: Steps, after: int) -> Steps:
    """Do the same for steps near the limits of 64 bits."""
    places = []
    for step in steps.tolist():
        after = max(step, after + 1)
        places.append(min(after, LAST_STEP))
    return np.array(places, np.int64)
