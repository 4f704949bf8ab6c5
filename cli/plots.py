"""Draw a series in a terminal: charts of braille characters, and sparklines.

Of a long series each column of dots shows all values between the lowest and the highest that fall on it, so that no
spike is lost. A line is broken where a value is NaN or infinite; steps that were never logged don't break it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from runstore.cli.table import printable
from runstore.core.json_names import unnamed

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun

_BLANK = 0x2800
# The bits of the dots of one character, by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Series:
    """A metric by step: int64 (n,) in order, and numbers (n,)."""

    name: str
    steps: npt.NDArray[np.int64]
    values: npt.NDArray[Any]

    @classmethod
    def of(cls, run: StoredRun, name: str) -> Series:
        """Return a metric of a stored run; without points where it has none."""
        points = run.points(name)
        return cls(name, points.steps, points.values)

    @classmethod
    def in_rows(cls, name: str, rows: Sequence[Mapping[str, Any]]) -> Series:
        """Return a metric out of the rows of a history."""
        found = [(row["_step"], unnamed(row[name])) for row in rows if name in row]
        numbers = [(step, value) for step, value in found if type(value) in (int, float)]
        steps = np.array([step for step, _ in numbers], np.int64)
        return cls(name, steps, np.array([value for _, value in numbers], np.float64))


@dataclass(frozen=True)
class _Column:
    """What falls on one column of dots; `joined`: no value between the column before and this one was broken."""

    place: int
    first: float
    last: float
    low: float
    high: float
    joined: bool


def chart(series: Series, width: int, height: int) -> list[str]:
    """Return the lines of a chart, `width` characters wide and `height` high, a title and the steps not counted."""
    low, high, title = _extent(series)
    if title is None:
        return [f"{printable(series.name)}: no number"]
    marks = [f"{high:.4g}", f"{low:.4g}"]
    margin = max(map(len, marks))
    dots = max(1, width - margin - 1) * 2
    grid = np.zeros((height * 4, dots), np.bool_)
    last: tuple[int, int] | None = None
    for column in _columns(series, dots):
        heights = [_row(value, low, high, height * 4) for value in (column.low, column.high)]
        grid[min(heights) : max(heights) + 1, column.place] = True
        if column.joined and last is not None:
            _join(grid, last, (column.place, _row(column.first, low, high, height * 4)))
        last = column.place, _row(column.last, low, high, height * 4)
    rows = [_braille(grid[top : top + 4]) for top in range(0, height * 4, 4)]
    labels = [marks[0], *[""] * (height - 2), marks[1]] if height > 1 else marks[:1]
    steps = f"{series.steps[0]}".ljust(dots // 2 - len(f"{series.steps[-1]}")) + f"{series.steps[-1]}"
    body = [f"{label:>{margin}} {row}".rstrip() for label, row in zip(labels, rows, strict=True)]
    return [f"{printable(series.name)}  {title}", *body, f"{'':{margin}} {steps}"]


def sparkline(series: Series, width: int) -> str:
    """Return the series as one line of blocks: the mean of what falls on each of `width` places."""
    low, high, title = _extent(series)
    if title is None:
        return ""
    finite = np.isfinite(series.values.astype(np.float64))
    places = _places(series.steps, width)
    line = [" "] * width
    for place in np.unique(places[finite]).tolist():
        mean = float(np.mean(series.values[finite & (places == place)], dtype=np.float64))
        line[place] = _BLOCKS[len(_BLOCKS) - 1 - _row(mean, low, high, len(_BLOCKS))]
    return "".join(line)


def _extent(series: Series) -> tuple[float, float, str | None]:
    """Return the lowest and the highest finite value, and what is said above a chart; None where there is no value."""
    values = series.values.astype(np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 0.0, None
    broken = len(values) - len(finite)
    title = f"{len(values)} points, min {finite.min():.4g}, max {finite.max():.4g}, last {values[-1]:.4g}"
    return float(finite.min()), float(finite.max()), title + (f", {broken} NaN or infinite" if broken else "")


def _columns(series: Series, dots: int) -> Iterator[_Column]:
    values = series.values.astype(np.float64)
    places = _places(series.steps, dots)
    edges = np.flatnonzero(np.diff(places, prepend=-1, append=dots))
    joined = False
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        finite = part[np.isfinite(part)]
        if len(finite):
            whole = joined and bool(np.isfinite(part[0]))
            ends = float(finite[0]), float(finite[-1])
            yield _Column(int(places[start]), *ends, float(finite.min()), float(finite.max()), whole)
        joined = bool(np.isfinite(part[-1]))


def _places(steps: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int64]:
    """Return on which of `width` places each step falls."""
    offsets = steps.astype(np.float64) - float(steps[0])  # steps may be further apart than 64 bits hold
    places: npt.NDArray[np.int64] = np.rint(offsets / (offsets[-1] or 1.0) * (width - 1)).astype(np.int64)
    return places


def _row(value: float, low: float, high: float, height: int) -> int:
    """Return the row of dots, counted from the top; all values of a constant series are in the middle."""
    if low == high:
        return height // 2
    share = (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the extent may be more than a float holds
    return height - 1 - round(share * (height - 1))


def _join(grid: npt.NDArray[np.bool_], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a straight line."""
    (x, y), (to_x, to_y) = start, end
    count = max(to_x - x, abs(to_y - y)) + 1
    grid[np.rint(np.linspace(y, to_y, count)).astype(int), np.rint(np.linspace(x, to_x, count)).astype(int)] = True


def _braille(rows: npt.NDArray[np.bool_]) -> str:
    """Return four rows of dots as characters, of which each has two columns."""
    codes = np.full(rows.shape[1] // 2, _BLANK)
    for row, bits in zip(rows, _DOTS, strict=True):
        for column, bit in enumerate(bits):
            codes += row[column::2] * bit
    return "".join(map(chr, codes.tolist()))
