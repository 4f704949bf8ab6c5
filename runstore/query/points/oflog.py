"""What one log says of its metrics: of each name the steps and values, as arrays, in log order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from runstore.core.keys import dotted
from runstore.core.medianames import range_below
from runstore.index.chunks.series import Chunk
from runstore.index.chunks.tails import CHUNK_COLUMNS
from runstore.index.placing import Steps, open_row

HISTORY, SYSTEM = "history", "system"  # streams of series: what the program logged, what was measured of the machine
# Older SQLite takes no more than 999 values in one statement; so many keys are nearly all keys.
_MAX_NAMED = 500

Part = Chunk | list[Any]  # of numbers; of anything
Window = tuple[int | None, int | None]
# Chunks whose steps are not in order may have some anywhere between. No window: both values are NULL.
_IN_WINDOW = " AND NOT coalesce(rising AND (chunks.last_step < ? OR first_step >= ?), 0)"


class Names:
    """Which metrics are read: these, or all."""

    def __init__(self, keys: Collection[str] | None = None) -> None:
        self._keys = None if keys is None else set(keys)
        few = keys if keys is not None and len(keys) <= _MAX_NAMED else ()
        self.arguments = tuple(few)
        self.condition = f" AND key IN ({', '.join('?' * len(few))})" if few else ""

    def __contains__(self, name: str) -> bool:
        return self._keys is None or name in self._keys


def entries_of_log(
    connection: sqlite3.Connection, log: int, names: Names, stream: str, window: Window = (None, None)
) -> Iterator[tuple[str, Steps, Part]]:
    """Yield name, steps and values of one log's entries: of each name first the numbers, then all else.

    What lies outside the window of steps may be left out.
    """
    chunks = connection.execute(
        f"SELECT key, {CHUNK_COLUMNS} FROM series JOIN chunks ON series = series.id"
        f" WHERE log = ? AND stream = ?{names.condition}{_IN_WINDOW} ORDER BY series, place",
        (log, stream, *names.arguments, *window),
    )
    for key, *columns in chunks:
        if key in names:
            chunk = Chunk(*columns)
            yield key, chunk.step_array(), chunk
    if stream != HISTORY:
        return
    for key, (steps, values) in _texts(connection, log, names, window).items():
        if key in names:
            yield key, np.array(steps, np.int64), [json.loads(text) for text in values]
    step, row = open_row(connection, log)
    for name, value in row.items():
        if name != "_step" and dotted(name) in names:
            yield dotted(name), np.array([step], np.int64), [value]


def names_below(connection: sqlite3.Connection, log: int, above: Sequence[str]) -> set[str]:
    """Return the names of a log's metrics that lie below these keys."""
    ranges = [range_below(key) for key in above]
    if 2 * len(ranges) <= _MAX_NAMED:
        marks, ends = ", ".join(["(?, ?)"] * len(ranges)), [end for both in ranges for end in both]
        texts = (
            f"WITH ranges(low, high) AS (VALUES {marks})"
            " SELECT DISTINCT key FROM ranges JOIN history_values ON log = ? AND key >= low AND key < high"
        )
    else:
        texts, ends = "SELECT DISTINCT key FROM history_values WHERE log = ?", []
    names = {key for (key,) in connection.execute(texts, (*ends, log))}
    numbers = "SELECT key FROM series WHERE log = ? AND stream = 'history'"
    names |= {key for (key,) in connection.execute(numbers, (log,))}
    names |= {dotted(name) for name in open_row(connection, log)[1]}
    return {name for name in names if any(low <= name < high for low, high in ranges)}


def _texts(
    connection: sqlite3.Connection, log: int, names: Names, window: Window
) -> dict[str, tuple[list[int], list[str]]]:
    """Return steps and JSON of the values that are no numbers, by name."""
    by_key: dict[str, tuple[list[int], list[str]]] = {}
    found = connection.execute(
        f"SELECT key, step, value FROM history_values WHERE log = ?{names.condition}"
        " AND NOT coalesce(step < ? OR step >= ?, 0) ORDER BY rowid",
        (log, *names.arguments, *window),
    )
    for key, step, text in found:
        steps, texts = by_key.setdefault(key, ([], []))
        steps.append(step)
        texts.append(text)
    return by_key
