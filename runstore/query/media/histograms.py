"""Histograms of one key over many steps, on one grid of bins: what a heat map is drawn from."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from runstore.index.pieces import lineage_of
from runstore.query.media.keys import media_at, media_steps

_MOST_BINS = 1024  # of one histogram; the tools make 512 at most
_LEAVES = ("values", "bins")
_FEW = 24  # so many are read one by one where they can't be read together

Floats = npt.NDArray[np.float64]


class HeatMap(NamedTuple):
    """Counts (steps, bins) of values between `low` and `high`, in bins of equal width; steps int64 (steps,)."""

    steps: npt.NDArray[np.int64]
    low: float
    high: float
    counts: Floats


def heat_map(connection: sqlite3.Connection, run: int, key: str, most_steps: int, bins: int) -> HeatMap | None:
    """Return the histograms of a key at up to `most_steps` steps, spread evenly; None where there are none."""
    every = media_steps(connection, run, key)
    if len(every) > most_steps:
        every = every[np.linspace(0, len(every) - 1, most_steps).round().astype(np.int64)]
    found = _together(connection, run, key, every.tolist())
    if len(found) < len(every) and len(found) <= _FEW:
        found = _one_by_one(connection, run, key, every.tolist())
    if not found:
        return None
    low = min(float(edges[0]) for _, edges in found.values())
    high = max(float(edges[-1]) for _, edges in found.values())
    if not low < high:
        low, high = low - 0.5, high + 0.5
    grid = np.linspace(low, high, bins + 1)
    counts = np.stack([_on_grid(*found[step], grid) for step in sorted(found)])
    return HeatMap(np.array(sorted(found), np.int64), low, high, counts)


def bars_of(value: Mapping[str, Any]) -> tuple[Floats, Floats] | None:
    """Return counts (n,) and edges (n + 1,) of a histogram's JSON; None where it is none."""
    counts, packed = _numbers(value.get("values")), value.get("packedBins")
    if counts is None:
        return None
    if isinstance(packed, dict):
        said = _numbers([packed.get("min"), packed.get("size")])
        edges = None if said is None else said[0] + said[1] * np.arange(len(counts) + 1)
    else:
        edges = _numbers(value.get("bins"))
    if edges is None or len(edges) != len(counts) + 1 or not len(counts) or not bool((edges[1:] >= edges[:-1]).all()):
        return None
    return counts, edges


def _together(
    connection: sqlite3.Connection, run: int, key: str, steps: Sequence[int]
) -> dict[int, tuple[Floats, Floats]]:
    """Return the histograms at these steps in one reading of each log; none where a log's steps stand elsewhere."""
    texts: dict[int, dict[str, str]] = {}
    names, marks = [f"{key}.{leaf}" for leaf in _LEAVES], ", ".join("?" * len(steps))
    for piece in lineage_of(connection, run):
        if piece.after is not None:
            return {}
        rows = connection.execute(
            f"SELECT key, step, value FROM history_values WHERE log = ? AND key IN (?, ?) AND step IN ({marks})"
            " AND (? IS NULL OR step < ?)",
            (piece.log, *names, *steps, piece.below, piece.below),
        )
        for name, step, text in rows:
            texts.setdefault(step, {})[name.rpartition(".")[2]] = text
    return _known({step: {leaf: _parsed(text) for leaf, text in said.items()} for step, said in texts.items()}.items())


def _one_by_one(
    connection: sqlite3.Connection, run: int, key: str, steps: Sequence[int]
) -> dict[int, tuple[Floats, Floats]]:
    """Return the histograms at some of these steps: also of rows that are still open, and of packed bins."""
    some = steps if len(steps) <= _FEW else [steps[round(at)] for at in np.linspace(0, len(steps) - 1, _FEW)]
    found = ((step, media_at(connection, run, key, step)) for step in some)
    return _known((step, one.value) for step, one in found if one is not None and isinstance(one.value, dict))


def _known(said: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[int, tuple[Floats, Floats]]:
    return {step: bars for step, value in said if (bars := bars_of(value)) is not None}


def _on_grid(counts: Floats, edges: Floats, grid: Floats) -> Floats:
    """Return counts on another grid: each bin's is spread evenly over its width; one without width is in one place."""
    whole = np.concatenate(([0.0], np.cumsum(counts)))
    width = edges[-1] - edges[0]
    if width <= 0:
        found = np.zeros(len(grid) - 1)
        found[min(int(np.searchsorted(grid, edges[0], side="right")) - 1, len(found) - 1)] = whole[-1]
        return found
    return np.diff(np.interp(grid, edges, whole))


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # NaN in it: nothing to be drawn
        return None


def _numbers(values: object) -> Floats | None:
    """Return a list of finite numbers as an array; None for anything else, and for too many."""
    if not isinstance(values, list) or len(values) > _MOST_BINS + 1:
        return None
    if not all(type(value) in (int, float) for value in values):
        return None
    array = np.array(values, np.float64)
    return array if bool(np.isfinite(array).all()) else None
