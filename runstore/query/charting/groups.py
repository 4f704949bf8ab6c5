"""Groups of runs as lines: the mean of a group's runs in each cell, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from runstore.query.charting.lines import Grid, Line, Point

Spread = Literal["std", "range"]
_Table = npt.NDArray[np.float64]  # a row for each run, a column for each cell; NaN: it has none


def grouped(grid: Grid, groups: Sequence[Sequence[int]], spread: Spread = "std") -> Grid:
    """Return a line for each group of runs (rows in `runs`), by its place among `groups`.

    Its `mean` is the mean of the runs' means in each cell, over the runs that have one there. `low` and `high` are one
    standard deviation away (that of a sample; 0 for one run) or, with the spread "range", the least and the greatest of
    the runs' means. Groups without a line of any run have none.
    """
    by_run = {line.run: line for line in grid.lines}
    lines = []
    for place, runs in enumerate(groups):
        members = [by_run[run] for run in runs if run in by_run and len(by_run[run])]
        if members:
            lines.append(_line(place, grid, members, spread))
    return Grid(grid.x, grid.width, lines, grid.lacking)


def _line(place: int, grid: Grid, members: Sequence[Line], spread: Spread) -> Line:
    cells = np.unique(np.concatenate([line.cells for line in members]))
    means, counts = np.full((len(members), len(cells)), np.nan), np.zeros((len(members), len(cells)))
    odd = np.zeros(len(cells), np.int64)
    for row, line in enumerate(members):
        at = np.searchsorted(cells, line.cells)
        means[row, at], counts[row, at] = line.mean, line.count - line.nonfinite
        odd[at] += line.nonfinite
    there = np.isfinite(means)
    runs = np.count_nonzero(there, axis=0)
    mean = _over(np.where(there, means, 0.0).sum(axis=0), runs)
    low, high = _spread(means, there, mean, runs, spread)
    count = np.rint(np.nan_to_num(_over(counts.sum(axis=0), runs))).astype(np.int64)
    begin, end = (float(cell * grid.width if grid.width else cell) for cell in (cells[0], cells[-1]))
    first, final = Point(begin, float(mean[0])), Point(end, float(mean[-1]))
    return Line(place, cells, low, high, mean, mean, count + odd, odd, first, final)


def _spread(
    means: _Table, there: npt.NDArray[np.bool_], mean: _Table, runs: npt.NDArray[np.intp], spread: Spread
) -> tuple[_Table, _Table]:
    if spread == "range":
        low, high = np.fmin.reduce(means), np.fmax.reduce(means)
        return low, high
    away = np.where(there, means - mean, 0.0)
    deviation = np.sqrt((away**2).sum(axis=0) / np.maximum(runs - 1, 1))
    return mean - deviation, mean + deviation


def _over(total: _Table, number: npt.NDArray[np.intp]) -> _Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: _Table = total / number
    return found
