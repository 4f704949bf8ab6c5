"""A metric of any length as a chart: buckets of steps with their minimum, maximum, mean and last value.

What chunks keep beside their points is used wherever a chunk, or a block of one, lies in a single bucket; points are
read only where a bucket is smaller, or a limit cuts. The answer is the same as from the points alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.index.chunks.buckets import Blocks, Buckets, joined
from runstore.index.slices import slices
from runstore.query.points.parts import Part, points_at, rising_parts
from runstore.query.points.stitched import points_of

# Which part a bucket came from, for each bucket, beside the buckets.
_Found = tuple[npt.NDArray[np.int64], Buckets]


@dataclass(frozen=True)
class Chart:
    """The buckets of a metric that hold points, in order of step; arrays of one length (n,).

    Bucket i is the steps from `start[i]` to `start[i] + width`, that one not included; `width` is a power of two.
    `low`, `high` and `last` are int64 where every value of the metric is an integer, else float64; `mean` is float64,
    `count` and `nonfinite` int64. NaN and infinities count for `count`, `nonfinite` and `last` only: without a finite
    value `low`, `high` and `mean` are NaN. `last` is the value at the highest step.
    """

    width: int
    start: npt.NDArray[np.int64]
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    mean: npt.NDArray[np.float64]
    last: npt.NDArray[Any]
    count: npt.NDArray[np.int64]
    nonfinite: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)


def chart(
    connection: sqlite3.Connection,
    run: int,
    key: str,
    buckets: int = 1000,
    min_step: int | None = None,
    max_step: int | None = None,
) -> Chart:
    """Return metric `key` of the run with this row in `runs`, in at most `buckets` buckets.

    Steps from `min_step` (included) to `max_step` (not included). Of several values at one step the one that was
    logged last counts. Costs about 2 ms for a million points; a metric whose steps went back, or which ranks logged
    at the same steps, is read point by point. Raises ValueError where `buckets` is less than 2.
    """
    if buckets < 2:
        raise ValueError(f"a chart has at least 2 buckets, not {buckets}")
    with snapshot(connection):
        parts = parts_of(connection, run, key)
        if not parts:
            return _chart(_no_buckets(), 0)
        low, high = parts[0].first_step, parts[-1].last_step
        low = low if min_step is None else max(low, min_step)
        high = high if max_step is None else min(high, max_step - 1)
        return bucketed(connection, parts, shift_for(low, high, buckets), low, high)


def shift_for(low: int, high: int, buckets: int) -> int:
    """Return the smallest shift with which the steps from `low` to `high` lie in at most so many buckets."""
    return next(shift for shift in range(64) if (high >> shift) - (low >> shift) < buckets)


def parts_of(connection: sqlite3.Connection, run: int, key: str) -> list[Part]:
    """Return the points of a metric as parts, each of which lies behind the one before it."""
    parts = rising_parts(connection, run, key)
    if parts is None:
        points = points_of(connection, run, key)
        parts = [Part.of(points.steps, points.values)] if len(points) else []
    return parts


def bucketed(connection: sqlite3.Connection, parts: Sequence[Part], shift: int, low: int, high: int) -> Chart:
    """Return the buckets of parts that `parts_of` returned, of steps from `low` to `high`, both included."""
    found = _bucketed(connection, parts, shift, low, high)
    integers = all(part.form[0] == "q" for part in parts)
    return _chart(found, shift, np.dtype(np.int64 if integers else np.float64))


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Read one state of the index throughout: an indexer may seal the chunks between two questions."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _bucketed(connection: sqlite3.Connection, parts: Sequence[Part], shift: int, low: int, high: int) -> Buckets:
    """Return the buckets of rising parts between two steps, these included."""
    found: list[_Found] = []
    whole: list[tuple[int, Part]] = []
    split: list[tuple[int, Part]] = []
    for place, part in enumerate(parts):
        if part.first_step <= high and part.last_step >= low:
            inside = part.first_step >= low and part.last_step <= high
            one = inside and part.first_step >> shift == part.last_step >> shift
            (whole if one else split).append((place, part))
    if whole:
        found.append((np.array([place for place, _ in whole]), _of_statistics([part for _, part in whole], shift)))
    blocks = _blocks(connection, [part for _, part in split], shift, low, high)
    for integers in (True, False):
        some = [(place, blocks[part.rowid]) for place, part in split if part.rowid in blocks]
        some = [(place, block) for place, block in some if block.integers is integers]
        if some:
            together, sizes = Buckets.unpacked([block for _, block in some], shift)
            found.append((np.repeat(np.array([place for place, _ in some]), sizes), together))
    for place, part in split:
        if part.rowid not in blocks:
            of_points = _of_points(connection, part, shift, low, high)
            found.append((np.full(len(of_points.ids), place), of_points))
    return _in_order(found)


def _in_order(found: list[_Found]) -> Buckets:
    if not found:
        return _no_buckets()
    order = np.argsort(np.concatenate([places for places, _ in found]), kind="stable")
    return joined([some for _, some in found]).at(order).merged()


def _of_statistics(parts: Sequence[Part], shift: int) -> Buckets:
    """Return parts each of which lies in one bucket."""
    number = np.int64 if all(part.form[0] == "q" for part in parts) else np.float64

    def column(name: str) -> npt.NDArray[Any]:
        values = [getattr(part, name) for part in parts]
        return np.array([np.nan if value is None else value for value in values], number)

    return Buckets(
        ids=np.array([part.first_step >> shift for part in parts], np.int64),
        low=column("low"),
        high=column("high"),
        total=np.array([part.total for part in parts], np.float64),
        last=column("last"),
        count=np.array([part.n for part in parts], np.int64),
        nonfinite=np.array([part.nonfinite for part in parts], np.int64),
    )


def _blocks(
    connection: sqlite3.Connection, parts: Sequence[Part], shift: int, low: int, high: int
) -> dict[int, Blocks]:
    """Return the blocks of the parts, by row, that are small enough for these buckets and not cut by the limits."""
    rows = [part.rowid for part in parts if part.rowid and part.first_step >= low and part.last_step <= high]
    return {
        rowid: Blocks(data, of_block, first_step, form[0] == "q")
        for rowid, form, first_step, of_block, data in _rows_of_blocks(connection, rows)
        if of_block is not None and of_block <= shift
    }


def _rows_of_blocks(connection: sqlite3.Connection, rows: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for some in slices(rows):
        yield from connection.execute(
            "SELECT rowid, form, first_step, block_shift, blocks FROM chunks"
            f" WHERE rowid IN ({', '.join('?' * len(some))})",
            some,
        )


def _of_points(connection: sqlite3.Connection, part: Part, shift: int, low: int, high: int) -> Buckets:
    chunk = points_at(connection, part)
    steps, values = chunk.step_array(), chunk.value_array()
    if part.first_step < low or part.last_step > high:
        first, end = np.searchsorted(steps, low), np.searchsorted(steps, high, "right")
        steps, values = steps[first:end], values[first:end]
    return Buckets.of(steps, values, shift)


def _no_buckets() -> Buckets:
    return Buckets.of(np.empty(0, np.int64), np.empty(0, np.float64), 0)


def _chart(found: Buckets, shift: int, number: np.dtype[Any] = np.dtype(np.float64)) -> Chart:  # noqa: B008
    finite = found.count - found.nonfinite
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = found.total / finite
    return Chart(
        width=1 << shift,
        start=found.ids << shift,
        low=found.low.astype(number, copy=False),
        high=found.high.astype(number, copy=False),
        mean=mean,
        last=found.last.astype(number, copy=False),
        count=found.count,
        nonfinite=found.nonfinite,
    )
