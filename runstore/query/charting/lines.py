"""What charts of many runs are made of: lines, whose buckets are cells of one common grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from runstore.index.chunks.buckets import Buckets
from runstore.query.points.charts import Chart

# As in `Chart`: as many cells as a chart that is 800 pixels wide can show.
BUCKETS = 400
# The steps of sparse metrics are shown one by one as long as those of all lines together are not many more.
EXACT_BUCKETS = 2 * BUCKETS
# Cells of a width that was asked for are no more than these: else they are made wider.
MOST_CELLS = 4000


class Point(NamedTuple):
    """One point as it was logged."""

    x: float
    value: float


class Window(NamedTuple):
    """A part of an x axis, from `low` (included) to `high` (not included); None: as far as there are points."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """The buckets of one metric of one run, in order of x; arrays of one length (n,).

    `run` is the row of the run in `runs`; in grids of groups, or of several metrics of one run, the place among these.

    `cells`, int64, are their places: cell i goes from i * width up to, not including, (i + 1) * width. Of a grid of
    width 0 they are float64, and the x values themselves. `low`, `high`, `mean`, `last`, `count` and `nonfinite` are
    those of `Chart`. `first` and `final` are the points at the ends: those beside a window, where there are any.
    """

    run: int
    cells: npt.NDArray[Any]
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    mean: npt.NDArray[np.float64]
    last: npt.NDArray[Any]
    count: npt.NDArray[np.int64]
    nonfinite: npt.NDArray[np.int64]
    first: Point
    final: Point

    def __len__(self) -> int:
        return len(self.cells)

    def at(self, places: npt.NDArray[np.intp]) -> Line:
        """Return the line with the buckets at these places alone."""
        arrays = {
            f.name: getattr(self, f.name)[places] for f in fields(self) if f.name not in ("run", "first", "final")
        }
        return replace(self, **arrays)

    @classmethod
    def of_chart(cls, run: int, chart: Chart, first: Point, final: Point) -> Line:
        """Return the line of a run whose x axis is the step."""
        return cls(
            run=run,
            cells=chart.start // max(1, chart.width),
            low=chart.low,
            high=chart.high,
            mean=chart.mean,
            last=chart.last,
            count=chart.count,
            nonfinite=chart.nonfinite,
            first=first,
            final=final,
        )

    @classmethod
    def of_buckets(cls, run: int, cells: npt.NDArray[Any], found: Buckets, first: Point, final: Point) -> Line:
        """Return the line of a run whose buckets, in these cells, were made of points."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = found.total / (found.count - found.nonfinite)
        return cls(run, cells, found.low, found.high, mean, found.last, found.count, found.nonfinite, first, final)


@dataclass(frozen=True)
class Grid:
    """Lines over cells of one width, a power of two. `x` is the metric along the x axis.

    `lacking` are the runs that have the metric, but no `x` at its steps.
    """

    x: str
    width: float
    lines: Sequence[Line]
    lacking: Sequence[int] = ()


def is_few(points: Sequence[int]) -> bool:
    """Whether lines of so many points can be shown point by point."""
    return max(points, default=0) <= BUCKETS
