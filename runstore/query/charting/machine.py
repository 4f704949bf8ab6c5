"""What was measured of the machine while a run was recorded, over time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from runstore.index.pieces import lineage_of
from runstore.index.slices import slices
from runstore.query.charting.against import gridded
from runstore.query.charting.lines import BUCKETS, Grid, Window
from runstore.query.charting.tracks import Points, Track
from runstore.query.points.charts import snapshot
from runstore.query.points.oflog import SYSTEM
from runstore.query.points.stitched import points_of

WALL, RELATIVE = "_timestamp", "_runtime"
_MS = 1000.0


def machine_keys(connection: sqlite3.Connection, run: int) -> list[str]:
    """Return the names of what was measured of the machine of the run with this row in `runs`, sorted."""
    found: set[str] = set()
    for some in slices([piece.log for piece in lineage_of(connection, run)]):
        query = f"SELECT key FROM series WHERE stream = ? AND log IN ({', '.join('?' * len(some))})"
        found.update(key for (key,) in connection.execute(query, (SYSTEM, *some)))
    return sorted(found)


def of_machine(
    connection: sqlite3.Connection,
    run: int,
    keys: Sequence[str],
    x: str = RELATIVE,
    window: Window = Window(),  # noqa: B008 - it never changes
    width: float | None = None,
    buckets: int = BUCKETS,
) -> Grid:
    """Return a line for each of these measurements, by its place among `keys`; those that there are none of have none.

    `x` is WALL, in seconds since the epoch, or RELATIVE, in seconds since the run was begun. Grids are those of
    `on_metric`. Reads all points: one is measured every few seconds.
    """
    began = 0.0
    if x != WALL:
        (began,) = connection.execute("SELECT created_at FROM runs WHERE id = ?", (run,)).fetchone()
    tracks: dict[int, Track] = {}
    with snapshot(connection):
        for place, key in enumerate(keys):
            found = points_of(connection, run, key, stream=SYSTEM)
            tracks[place] = Points(found.steps.astype(np.float64) / _MS - began, found.values)
    return gridded(x, tracks, window, width, buckets)
