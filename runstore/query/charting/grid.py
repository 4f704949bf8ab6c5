"""One metric of many runs on a common grid of steps: every run's buckets stand above those of the others.

Made of what chunks keep beside their points, as `query.points.charts` says. The cells of a grid are aligned to its
width, a power of two: while runs grow they stay where they are, and only what lies behind the last one is new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np

from runstore.query.charting.lines import BUCKETS, EXACT_BUCKETS, MOST_CELLS, Grid, Line, Point, Window, is_few
from runstore.query.points.charts import Chart, bucketed, parts_of, shift_for, snapshot
from runstore.query.points.columns import STEP
from runstore.query.points.parts import Part, points_at

_Steps = tuple[int, int]  # the first and the last one, both included


def on_steps(
    connection: sqlite3.Connection,
    runs: Sequence[int],
    key: str,
    window: Window = Window(),  # noqa: B008 - it never changes
    width: int | None = None,
    buckets: int = BUCKETS,
) -> Grid:
    """Return metric `key` of the runs with these rows in `runs`, by step; those that lack it have no line.

    Each line has from half of `buckets` to all of them, if its run has the steps of all others: widths are powers of
    two. Metrics of so few points that each can be shown are shown as they are, with `width` 1. With `width`, which an
    earlier answer had, the cells are those of that answer.
    Costs about 2 ms for each run of a million steps.
    """
    with snapshot(connection):
        found = {run: parts for run in runs if (parts := parts_of(connection, run, key))}
        steps = _steps(found, window)
        shift = shift_for(*steps, buckets) if width is None else _shift_of(width, found, steps)
        charts = _charts(connection, found, shift, steps)
        if width is None and shift and is_few([int(one.count.sum()) for one in charts.values()]):
            exact = _charts(connection, found, 0, steps)
            if len(np.unique(np.concatenate([one.start for one in exact.values()]))) <= EXACT_BUCKETS:
                charts, shift = exact, 0
        ends = {run: ends_of(connection, found[run], steps) for run in charts}
    return Grid(STEP, 1 << shift, [Line.of_chart(run, one, *ends[run]) for run, one in charts.items()])


def _steps(found: Mapping[int, Sequence[Part]], window: Window) -> _Steps:
    """Return the steps of a window as far as there are any."""
    low = min((parts[0].first_step for parts in found.values()), default=0)
    high = max((parts[-1].last_step for parts in found.values()), default=0)
    if window.low is not None:
        low = int(max(low, np.ceil(window.low)))
    if window.high is not None:
        high = int(min(high, np.ceil(window.high) - 1))
    return low, high


def _shift_of(width: int, found: Mapping[int, Sequence[Part]], steps: _Steps) -> int:
    """Return the shift of cells of this width, or of the narrowest that are not too many."""
    low, high = steps
    inside = (part.n for parts in found.values() for part in parts if part.first_step <= high and part.last_step >= low)
    shift = max(0, width.bit_length() - 1)
    return shift if sum(inside) <= MOST_CELLS else max(shift, shift_for(low, high, MOST_CELLS))


def _charts(
    connection: sqlite3.Connection, found: Mapping[int, Sequence[Part]], shift: int, steps: _Steps
) -> dict[int, Chart]:
    return {run: bucketed(connection, parts, shift, *steps) for run, parts in found.items()}


def ends_of(connection: sqlite3.Connection, parts: Sequence[Part], steps: _Steps) -> tuple[Point, Point]:
    """Return the last point before these steps, and the first one behind them; else a metric's first and last one."""
    low, high = steps
    before = next((part for part in reversed(parts) if part.first_step < low), parts[0])
    behind = next((part for part in parts if part.last_step > high), parts[-1])
    return _point(connection, before, low - 1), _point(connection, behind, high + 1, from_there=True)


def value_at(connection: sqlite3.Connection, parts: Sequence[Part], step: int) -> float:
    """Return the value of a metric at a step, or at the one before that it has."""
    return _point(connection, next((part for part in reversed(parts) if part.first_step <= step), parts[0]), step).value


def _point(connection: sqlite3.Connection, part: Part, step: int, *, from_there: bool = False) -> Point:
    """Return a part's last point up to a step, or its first from there on; where there is none, the one at that end."""
    if from_there and step > part.last_step:
        return Point(part.last_step, np.nan if part.last is None else part.last)
    chunk = points_at(connection, part)
    steps = chunk.step_array()
    at = np.searchsorted(steps, step) if from_there else np.searchsorted(steps, step, "right") - 1
    at = min(max(int(at), 0), len(steps) - 1)
    return Point(int(steps[at]), float(chunk.value_array()[at]))
