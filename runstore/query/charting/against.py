"""One metric of many runs over another one: time, epochs, samples seen, whatever was logged at the same steps."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np

from runstore.query.charting.lines import BUCKETS, EXACT_BUCKETS, MOST_CELLS, Grid, Line, Window, is_few
from runstore.query.charting.rising import rising_track
from runstore.query.charting.tracks import Points, Track
from runstore.query.points.charts import snapshot
from runstore.query.points.stitched import points_of

# Cells have numbers of 64 bits, and x values no more than 53.
_EXACT_BITS = 50
_LEAST_EXPONENT = -1000


def on_metric(
    connection: sqlite3.Connection,
    runs: Sequence[int],
    key: str,
    x: str,
    window: Window = Window(),  # noqa: B008 - it never changes
    width: float | None = None,
    buckets: int = BUCKETS,
) -> Grid:
    """Return metric `key` of the runs with these rows in `runs`, over the values that metric `x` has at the same steps.

    Where several points have one x, a line has their average there. Runs without steps at which both were logged have
    no line. Grids are those of `on_steps`, but where all points can be shown the width is 0, and cells are x values.
    Where `x` rises, as time does, runs of a million steps cost 5 ms, and some of their points lie in the cell beside
    their own; else all points are read, which takes 40 ms.
    """
    tracks: dict[int, Track] = {}
    lacking = []
    with snapshot(connection):
        for run in runs:
            track = rising_track(connection, run, key, x, window)
            if track is None:
                of_y = points_of(connection, run, key)
                if not len(of_y):
                    continue
                track = Points.of(of_y, points_of(connection, run, x))
                if not len(track):
                    lacking.append(run)
            tracks[run] = track
    return gridded(x, tracks, window, width, buckets, lacking)


def gridded(
    x: str,
    tracks: Mapping[int, Track],
    window: Window,
    width: float | None,
    buckets: int,
    lacking: Sequence[int] = (),
) -> Grid:
    """Return what `on_metric` returns of these tracks; those that are empty have no line."""
    tracks = {place: track for place, track in tracks.items() if len(track)}
    inside = {place: track.inside(window) for place, track in tracks.items()}
    if width is None:
        few = is_few([one.points for one in inside.values()])
        width = 0 if few and _union(inside) <= EXACT_BUCKETS else _width(inside, buckets)
    elif sum(one.points for one in inside.values()) > MOST_CELLS:
        width = max(width, _width(inside, MOST_CELLS))
    lines = [_line(place, one, width, tracks[place], window) for place, one in inside.items()]
    return Grid(x, width, lines, lacking)


def _line(run: int, inside: Track, width: float, track: Track, window: Window) -> Line:
    cells = np.floor(inside.x / width).astype(np.int64) if width else inside.x
    starts = np.flatnonzero(np.append(True, cells[1:] != cells[:-1])[: len(cells)])
    return Line.of_buckets(run, cells[starts], inside.buckets(starts), *track.ends(window))


def _union(inside: Mapping[int, Track]) -> int:
    return len(np.unique(np.concatenate([one.x for one in inside.values()]))) if inside else 0


def _width(inside: Mapping[int, Track], buckets: int) -> float:
    """Return the smallest power of two that cuts the x axis into no more cells."""
    ends = [float(x) for one in inside.values() if len(one) for x in (one.x[0], one.x[-1])]
    if not ends:
        return 1.0
    low, high = min(ends), max(ends)
    farthest = max(abs(low), abs(high))
    least = max(high / buckets - low / buckets, math.ldexp(farthest, -_EXACT_BITS))
    exponent = max(math.frexp(least)[1] - 1, _LEAST_EXPONENT)
    while math.floor(math.ldexp(high, -exponent)) - math.floor(math.ldexp(low, -exponent)) >= buckets:
        exponent += 1
    return math.ldexp(1.0, exponent)
