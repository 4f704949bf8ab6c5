"""Metrics of a run as columns: arrays that are laid out by common rows, a row for each step.

Numbers go from the index to the column as arrays, without a Python object for any of them. Integers stay integers.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from runstore.core.json_names import named
from runstore.index.placing import Steps
from runstore.query.points.entries import Entries, entries_of
from runstore.query.points.oflog import HISTORY
from runstore.query.points.stitched import points_in

STEP = "_step"
Kind = Literal["int", "float", "bool", "text", "json"]
_TYPES: dict[Kind, Any] = {"int": np.int64, "float": np.float64, "bool": np.bool_, "text": object, "json": object}
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class Column:
    """The values of one metric, laid out by common rows.

    `values` is int64, float64, bool or object (n,) as `kind` says; texts and JSON texts are Python strings. Where
    `missing`, bool (n,), holds, there is no value; it is None where every row has one.
    """

    kind: Kind
    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_] | None = None

    @property
    def is_number(self) -> bool:
        """Whether the values are integers or floats."""
        return self.kind in ("int", "float")

    @property
    def is_text(self) -> bool:
        """Whether the values are Python strings."""
        return self.kind in ("text", "json")

    @property
    def count(self) -> int:
        """How many rows have a value."""
        return len(self.values) - (0 if self.missing is None else int(np.count_nonzero(self.missing)))

    def objects(self) -> list[Any]:
        """Return the values as Python objects, None for what is missing."""
        values: list[Any] = self.values.tolist()
        if self.missing is not None:
            for place in np.flatnonzero(self.missing).tolist():
                values[place] = None
        return values


@dataclass(frozen=True)
class Columns:
    """Some metrics of a run: `steps` int64 (n,), strictly increasing, and columns of n values by name."""

    steps: Steps
    by_name: dict[str, Column]

    @property
    def points(self) -> int:
        """How many values there are."""
        return sum(column.count for column in self.by_name.values())


def columns_of(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str] | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Columns:
    """Return metrics of the run with this row in `runs`: these, in this order, or all, those of runstore last.

    There is a row for each step that has any of them, from `min_step` (included) to `max_step` (not included). Numbers
    are int64 where all of a metric's numbers are integers, else float64. Text and booleans are columns of their own
    kind; a metric that holds lists or values of several kinds is a column of JSON text. A media value is a column for
    each of its leaves, as `table.path`. With `kinds`, those of a wider window, columns are of these kinds.
    """
    names = None if keys is None else [key for key in dict.fromkeys(keys) if key != STEP]
    entries = entries_of(connection, run, names, HISTORY, min_step, max_step)
    if names is None:
        names = sorted((key for key in entries if key != STEP), key=lambda key: (key.startswith("_"), key))
    found = {}
    for key in names:
        steps, column = _values(entries.get(key, Entries()), min_step, max_step)
        wanted = (kinds or {}).get(key, column.kind)
        found[key] = steps, column if wanted == column.kind else _as_kind(column, wanted)
    every = _union([own for own, _ in found.values()])
    return Columns(every, {key: _placed(every, *own) for key, own in found.items()})


def column(values: Sequence[Any]) -> Column:
    """Return Python objects, None for what is missing, as a column."""
    missing = np.array([value is None for value in values], np.bool_)
    own = _array([value for value in values if value is not None])
    return _placed(np.arange(len(values)), np.flatnonzero(~missing), own)


def _values(entries: Entries, min_step: int | None, max_step: int | None) -> tuple[Steps, Column]:
    """Return the steps at which a metric has a value, and a column of these alone. None is no value."""
    if not any(_is_other(value) for part in entries.parts if isinstance(part, list) for value in part):
        points = points_in(entries, min_step, max_step)
        return points.steps, Column("int" if points.values.dtype.kind == "i" else "float", points.values)
    steps, which = entries.chosen()
    values = entries.values(which)
    window = [
        place
        for place, (step, value) in enumerate(zip(steps.tolist(), values, strict=True))
        if value is not None and (min_step is None or step >= min_step) and (max_step is None or step < max_step)
    ]
    return steps[window], _array([values[place] for place in window])


def _is_other(value: Any) -> bool:
    """Whether a value is neither missing nor a number that a series holds."""
    return not (value is None or type(value) is float or (type(value) is int and value in _INT64))


def _array(values: list[Any]) -> Column:
    types = set(map(type, values))
    if types == {bool}:
        return Column("bool", np.array(values, np.bool_))
    if types == {int} and all(value in _INT64 for value in values):
        return Column("int", np.array(values, np.int64))
    if types <= {int, float}:
        return Column("float", np.array([_float(value) for value in values], np.float64))
    kind: Kind = "text" if types == {str} else "json"
    return Column(kind, _texts(values if kind == "text" else map(_json, values)))


def _as_kind(column: Column, kind: Kind) -> Column:
    """Return a column of all its values as one of the more general kind that others of the metric need."""
    if kind in ("int", "float", "bool"):
        return Column(kind, column.values.astype(_TYPES[kind]))
    return Column(kind, _texts(map(_json, column.values.tolist())))


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _json(value: Any) -> str:
    return json.dumps(named(value), ensure_ascii=False)


def _texts(texts: Iterable[str]) -> npt.NDArray[Any]:
    clean = [text.encode("utf-8", "replace").decode() for text in texts]  # half a surrogate pair is no text
    array = np.empty(len(clean), object)
    array[:] = clean
    return array


def _union(steps: list[Steps]) -> Steps:
    """Return all steps, each once, in order."""
    if not steps:
        return np.empty(0, np.int64)
    different = {array.tobytes(): array for array in steps}
    return np.unique(np.concatenate(list(different.values()))) if len(different) > 1 else steps[0]


def _placed(steps: Steps, own: Steps, column: Column) -> Column:
    """Return values at some of the steps as a column of all of them."""
    if len(own) == len(steps):
        return column
    values = np.zeros(len(steps), _TYPES[column.kind])
    missing = np.ones(len(steps), np.bool_)
    places = np.searchsorted(steps, own)
    values[places] = column.values
    missing[places] = False
    return Column(column.kind, values, missing)
