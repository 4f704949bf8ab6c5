"""A metric in order of another one: point by point, or summed up where there are too many points."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from runstore.index.chunks.buckets import Buckets
from runstore.query.charting.lines import Point, Window
from runstore.query.points import stitched

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


class Track(Protocol):
    """What is known of a metric, in order of `x`, float64 (n,), all of it finite."""

    x: Floats

    def __len__(self) -> int:
        """Return how many places of x there are."""

    @property
    def points(self) -> int:
        """How many points there are."""

    def inside(self, window: Window) -> Track:
        """Return the part inside a window."""

    def buckets(self, starts: Places) -> Buckets:
        """Return a bucket for each of these places, of all from it up to the next one."""

    def ends(self, window: Window) -> tuple[Point, Point]:
        """Return the last point before a window and the first one behind it; else the first and the last one."""


class Points:
    """A track of all points."""

    def __init__(self, x: Floats, values: npt.NDArray[Any]) -> None:
        self.x = x
        self.values = values

    @classmethod
    def of(cls, of_y: stitched.Points, of_x: stitched.Points) -> Points:
        """Return the points at the steps that both have; where x is not finite there is none."""
        if np.array_equal(of_y.steps, of_x.steps):
            x, values = of_x.values, of_y.values
        else:
            _, at_y, at_x = np.intersect1d(of_y.steps, of_x.steps, assume_unique=True, return_indices=True)
            x, values = of_x.values[at_x], of_y.values[at_y]
        x = x.astype(np.float64, copy=False)
        finite = np.isfinite(x)
        if not finite.all():
            x, values = x[finite], values[finite]
        if bool((x[1:] < x[:-1]).any()):
            order = np.argsort(x, kind="stable")
            x, values = x[order], values[order]
        return cls(x, values)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def points(self) -> int:
        """How many points there are."""
        return len(self.x)

    def inside(self, window: Window) -> Points:
        """Return the part inside a window."""
        begin, end = within(self.x, window)
        return Points(self.x[begin:end], self.values[begin:end])

    def buckets(self, starts: Places) -> Buckets:
        """Return a bucket for each of these places, of all from it up to the next one."""
        return Buckets.between(starts, np.arange(len(starts)), self.values)

    def ends(self, window: Window) -> tuple[Point, Point]:
        """Return the last point before a window and the first one behind it; else the first and the last one."""
        before, behind = beside(self.x, window)
        return self._point(before), self._point(behind)

    def _point(self, at: int) -> Point:
        return Point(float(self.x[at]), float(self.values[at]))


class Sums:
    """A track of so many points that only sums of neighbouring ones are known: `found` has one for each place."""

    def __init__(self, x: Floats, found: Buckets, first: Point, final: Point) -> None:
        self.x = x
        self._found = found
        self._ends = first, final

    def __len__(self) -> int:
        return len(self.x)

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(self._found.count.sum())

    def inside(self, window: Window) -> Sums:
        """Return the part inside a window."""
        begin, end = within(self.x, window)
        return Sums(self.x[begin:end], self._found.at(np.arange(begin, end)), *self._ends)

    def buckets(self, starts: Places) -> Buckets:
        """Return a bucket for each of these places, of all from it up to the next one."""
        numbers = np.zeros(len(self.x), np.int64)
        numbers[starts] = 1
        return Buckets(**{**vars(self._found), "ids": np.cumsum(numbers)}).merged()

    def ends(self, window: Window) -> tuple[Point, Point]:
        """Return the sums beside a window; else the first and the last point."""
        before, behind = beside(self.x, window)
        first = self._ends[0] if window.low is None or self.x[0] >= window.low else self._point(before)
        final = self._ends[1] if window.high is None or self.x[-1] < window.high else self._point(behind)
        return first, final

    def _point(self, at: int) -> Point:
        finite = int(self._found.count[at] - self._found.nonfinite[at])
        return Point(float(self.x[at]), float(self._found.total[at]) / finite if finite else np.nan)


def within(x: Floats, window: Window) -> tuple[int, int]:
    """Return from which place of rising numbers to which a window goes."""
    begin = 0 if window.low is None else int(np.searchsorted(x, window.low))
    return begin, len(x) if window.high is None else int(np.searchsorted(x, window.high))


def beside(x: Floats, window: Window) -> tuple[int, int]:
    """Return the last place before a window and the first one behind it; else the first and the last place."""
    before = 0 if window.low is None else max(0, int(np.searchsorted(x, window.low)) - 1)
    behind = len(x) - 1
    return before, behind if window.high is None else min(behind, int(np.searchsorted(x, window.high)))
