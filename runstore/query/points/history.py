"""Read the history of a run out of the index: the entries of all its logs, put together by step."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runstore.index.pieces import lineage_of
from runstore.index.placing import Steps
from runstore.query.points.entries import Entries, entries_of, entries_with_leaves, names_of
from runstore.query.points.media import asked_for, united
from runstore.query.points.oflog import HISTORY


def keys_of(connection: sqlite3.Connection, run: int) -> list[str]:
    """Return the names of all metrics in the history of a run, sorted."""
    found: set[str] = set()
    for piece in lineage_of(connection, run):
        found |= names_of(connection, piece)
    return sorted(found)


def rows_of(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of a run in order of step, each with `_step` and its values by name.

    With `keys`, only those values, and only rows that have all of them. Steps from `min_step` (included) to
    `max_step` (not included). Rows of one step, from several logs or calls, are one row; the later value counts
    (of one log, step and key, a value that is no number counts more than a number).

    A media value (a table, a picture, a histogram) is one dict under its key, with `_type` in it. Other values inside
    nested dicts have names with dots: `nest.a`; there is nothing under `nest`, as in W&B. Leaves of media values can
    be asked for by such names, too.
    """
    if keys is None:
        every = united(entries_of(connection, run, None, HISTORY, min_step, max_step), min_step, max_step)
        return _any_of(_columns(every, min_step, max_step))
    wanted = [key for key in dict.fromkeys(keys) if key != "_step"]
    if not wanted:
        return [{"_step": row["_step"]} for row in rows_of(connection, run, None, min_step, max_step)]
    read = entries_with_leaves(connection, run, wanted, min_step, max_step)
    columns = _columns(asked_for(read, wanted, min_step, max_step), min_step, max_step)
    return _all_of(columns, wanted) if columns.keys() >= set(wanted) else []


def sampled(rows: list[dict[str, Any]], samples: int) -> list[dict[str, Any]]:
    """Return at most `samples` of the rows, evenly spread, the first and the last among them."""
    if len(rows) <= samples:
        return rows
    if samples < 2:
        return rows[-samples:] if samples else []
    return [rows[round(place * (len(rows) - 1) / (samples - 1))] for place in range(samples)]


class _Column:
    """The values of one metric: the steps, each once and in order, and the entries that count there."""

    def __init__(self, entries: Entries, min_step: int | None, max_step: int | None) -> None:
        self._entries = entries
        self.steps, self._which = entries.chosen(min_step, max_step)

    def values(self, steps: Steps | None = None) -> list[Any]:
        """Return all values, or those at some of the steps."""
        which = self._which
        if steps is not None and len(steps) < len(self.steps):
            places = np.searchsorted(self.steps, steps)
            which = places if which is None else which[places]
        return self._entries.values(which)


def _columns(entries: Mapping[str, Entries], min_step: int | None, max_step: int | None) -> dict[str, _Column]:
    # By name, what runstore adds last: not in the order of a log, since an index may have met the logs in any order.
    names = sorted(entries, key=lambda key: (key.startswith("_"), key))
    return {name: _Column(entries[name], min_step, max_step) for name in names}


def _all_of(columns: Mapping[str, _Column], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows that have all of these metrics."""
    steps = columns[keys[0]].steps
    for key in keys[1:]:
        if not np.array_equal(steps, columns[key].steps):
            steps = np.intersect1d(steps, columns[key].steps, assume_unique=True)
    rows: list[dict[str, Any]] = [{"_step": step} for step in steps.tolist()]
    for key in keys:  # a metric at a time: three times faster than a row at a time
        for row, value in zip(rows, columns[key].values(steps), strict=True):
            row[key] = value
    return rows


def _any_of(columns: Mapping[str, _Column]) -> list[dict[str, Any]]:
    """Return the rows that have any metric; metrics that stand at the same steps are laid out together."""
    groups: dict[bytes, list[str]] = {}
    for name, column in columns.items():
        groups.setdefault(column.steps.tobytes(), []).append(name)
    if len(groups) == 1:
        (names,) = groups.values()
        return _all_of(columns, names)
    every = [columns[names[0]].steps for names in groups.values()]
    steps = np.unique(np.concatenate(every)) if every else np.empty(0, np.int64)
    rows: dict[int, dict[str, Any]] = {step: {"_step": step} for step in steps.tolist()}
    for name, column in columns.items():
        for step, value in zip(column.steps.tolist(), column.values(), strict=True):
            rows[step][name] = value
    return list(rows.values())
