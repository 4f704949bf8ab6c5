"""Long metrics over one that rises with the steps, as time does: they need not be read point by point.

Both are summed up by the same buckets of steps, smaller than the cells of a chart, and each bucket stands at its
average x. A bucket that is wider than that, as one in which the run paused, would stand in the midst of nothing: the
widest are read point by point, the others stand at that end where most of their points are. All that is short is read
point by point.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from runstore.index.chunks.buckets import Buckets, joined
from runstore.query.charting.grid import ends_of, value_at
from runstore.query.charting.lines import BUCKETS, Point, Window
from runstore.query.charting.tracks import Floats, Places, Points, Sums, Track
from runstore.query.points.charts import Chart, bucketed, shift_for
from runstore.query.points.parts import Part, rising_parts
from runstore.query.points.stitched import points_of

# Each row has both, whatever else it has.
_OF_EACH_ROW = ("_timestamp", "_runtime")
# Of shorter runs, or parts of runs, the points are read.
_MANY = 100_000
# As many buckets as chunks have blocks where a run is a million steps long.
_FINE = 1024
_READ_WIDE = 8  # with many more, reading all would be as quick
_MOST_WIDE = 128

_Steps = tuple[int, int]  # the first and the last one, both included


def rising_track(connection: sqlite3.Connection, run: int, key: str, x: str, window: Window) -> Track | None:
    """Return a long metric of a run over metric `x`, as much of it as a window takes.

    None where all points have to be read: of short metrics, of an `x` that doesn't rise or was not logged with `key`.
    """
    of_y, of_x = rising_parts(connection, run, key), rising_parts(connection, run, x)
    if not of_y or not of_x or sum(part.n for part in of_y) < _MANY:
        return None
    if x not in _OF_EACH_ROW and not _stand_together(of_y, of_x):
        return None
    steps = of_y[0].first_step, of_y[-1].last_step
    across = _fine(connection, of_x, steps)
    if bool(across.nonfinite.any()) or bool((across.low[1:] < across.high[:-1]).any()):
        return None
    if window != Window():
        steps = _steps_inside(across, window, steps)
        across = _fine(connection, of_x, steps)
    if int(across.count.sum()) < _MANY:
        return _points(connection, run, key, x, steps)
    summed = _summed(across, bucketed(connection, of_y, across.width.bit_length() - 1, *steps))
    if summed is None:
        return None
    first, final = (
        Point(value_at(connection, of_x, int(end.x)), end.value) for end in ends_of(connection, of_y, steps)
    )
    places, found, wide = summed
    for at in wide[::-1].tolist():
        begin = int(found.ids[at])
        places, found = _replaced(
            places, found, at, _points(connection, run, key, x, (begin, begin + across.width - 1))
        )
    return Sums(places, found, first, final)


def _stand_together(of_y: Sequence[Part], of_x: Sequence[Part]) -> bool:
    """Whether two metrics were logged together: their chunks hold as many points from one step to another."""
    y, x = ([(part.n, part.first_step, part.last_step) for part in parts] for parts in (of_y, of_x))
    return y == x


def _fine(connection: sqlite3.Connection, parts: Sequence[Part], steps: _Steps) -> Chart:
    return bucketed(connection, parts, shift_for(*steps, _FINE), *steps)


def _steps_inside(across: Chart, window: Window, steps: _Steps) -> _Steps:
    """Return the steps of a window, and of the buckets beside it."""
    begin = 0 if window.low is None else int(np.searchsorted(across.high, window.low)) - 1
    end = len(across) - 1 if window.high is None else int(np.searchsorted(across.low, window.high))
    first, last = (min(max(at, 0), len(across) - 1) for at in (begin, end))
    return max(steps[0], int(across.start[first])), min(steps[1], int(across.start[last]) + across.width - 1)


def _points(connection: sqlite3.Connection, run: int, key: str, x: str, steps: _Steps) -> Points:
    low, high = steps[0], steps[1] + 1
    return Points.of(points_of(connection, run, key, low, high), points_of(connection, run, x, low, high))


def _summed(across: Chart, values: Chart) -> tuple[Floats, Buckets, Places] | None:
    """Return the x of each bucket of values, the buckets, and which of them are so wide that they are to be read.

    None where some have no x, or very many are wide.
    """
    at = np.minimum(np.searchsorted(across.start, values.start), len(across) - 1)
    x, low, high = across.mean[at], across.low[at].astype(np.float64), across.high[at].astype(np.float64)
    cell = float(high[-1] - low[0]) / BUCKETS
    wide = np.flatnonzero(high - low > 2 * cell)
    if not np.array_equal(across.start[at], values.start) or len(wide) > _MOST_WIDE:
        return None
    x[wide] = np.where(x[wide] - low[wide] < high[wide] - x[wide], low[wide], high[wide])
    widest = np.sort(wide[np.argsort((high - low)[wide])[-_READ_WIDE:]])
    finite = values.count - values.nonfinite
    total = np.where(finite > 0, values.mean * finite, 0.0)
    found = Buckets(values.start, values.low, values.high, total, values.last, values.count, values.nonfinite)
    return x, found, widest


def _replaced(x: Floats, found: Buckets, at: int, points: Points) -> tuple[Floats, Buckets]:
    """Return buckets with points in the place of one of them."""
    every = np.arange(len(points))
    of_points = Buckets.between(every, every, points.values)
    before, behind = np.arange(at), np.arange(at + 1, len(x))
    together = joined([found.at(before), of_points, found.at(behind)])
    return np.concatenate([x[:at], points.x, x[at + 1 :]]), together
