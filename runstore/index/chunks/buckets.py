"""Points of a series summed up by ranges of steps: what charts are made of, and what chunks keep beside their points.

A bucket is all steps that are the same but for their lowest `shift` bits: step >> shift is its number. So buckets do
not move while a run grows, buckets of one size make up those of every larger one exactly, and those of two series
stand above one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

# Chunks keep their points summed up in blocks of so many or a few more: 0.08 bytes a point.
BLOCK_POINTS = 512
_ROW = (("offset", "<u4"), ("count", "<u2"), ("nonfinite", "<u2"), ("total", "<f8"))
_FLOATS = np.dtype([*_ROW, ("low", "<f8"), ("high", "<f8"), ("last", "<f8")])
_INTEGERS = np.dtype([*_ROW, ("low", "<i8"), ("high", "<i8"), ("last", "<i8")])


@dataclass(frozen=True)
class Buckets:
    """Buckets that hold points, in order; all arrays are of one length.

    `low`, `high` and `last` are int64 where all values are integers, else float64; `low`, `high` and `total` (a sum)
    are of the finite values, NaN where there are none (the sum 0).
    """

    ids: npt.NDArray[np.int64]
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    total: npt.NDArray[np.float64]
    last: npt.NDArray[Any]
    count: npt.NDArray[np.int64]
    nonfinite: npt.NDArray[np.int64]

    @classmethod
    def of(cls, steps: npt.NDArray[np.int64], values: npt.NDArray[Any], shift: int) -> Buckets:
        """Return the buckets of points, whose steps rise."""
        ids = steps >> shift
        starts = starts_of(ids)
        return cls.between(starts, ids[starts], values)

    @classmethod
    def between(cls, starts: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> Buckets:
        """Return the buckets with these numbers, each of the values from its start up to the next one's."""
        if not len(starts):
            return cls(ids, values, values, values.astype(np.float64), values, ids, ids)
        ends = np.append(starts[1:], len(values))
        nonfinite = np.zeros(len(starts), np.int64)
        bounded = summed = values
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                nonfinite = np.add.reduceat(~finite, starts, dtype=np.int64)
                bounded, summed = np.where(finite, values, np.nan), np.where(finite, values, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.add.reduceat(summed, starts, dtype=np.float64)
        low, high = np.fmin.reduceat(bounded, starts), np.fmax.reduceat(bounded, starts)
        return cls(ids, low, high, total, values[ends - 1], ends - starts, nonfinite)

    def merged(self) -> Buckets:
        """Return the same with neighbours of one number as one."""
        if not len(self.ids):
            return self
        starts = starts_of(self.ids)
        ends = np.append(starts[1:], len(self.ids)) - 1
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.add.reduceat(self.total, starts)
        return Buckets(
            ids=self.ids[starts],
            low=np.fmin.reduceat(self.low, starts),
            high=np.fmax.reduceat(self.high, starts),
            total=total,
            last=self.last[ends],
            count=np.add.reduceat(self.count, starts),
            nonfinite=np.add.reduceat(self.nonfinite, starts),
        )

    def at(self, places: npt.NDArray[np.intp]) -> Buckets:
        """Return the buckets at these places."""
        return Buckets(**{f.name: getattr(self, f.name)[places] for f in fields(self)})

    def packed(self) -> npt.NDArray[np.void]:
        """Return what chunks keep of each bucket; of numbers the lowest 32 bits, of counts the lowest 16."""
        rows = np.empty(len(self.ids), _INTEGERS if self.low.dtype.kind == "i" else _FLOATS)
        rows["offset"] = self.ids
        for name in (f.name for f in fields(self) if f.name != "ids"):
            rows[name] = getattr(self, name)
        return rows

    @classmethod
    def unpacked(cls, blocks: Sequence[Blocks], shift: int) -> tuple[Buckets, list[int]]:
        """Return the blocks of chunks, all of integers or all not, with the numbers of larger buckets.

        Beside them, how many there are of each chunk.
        """
        integers = blocks[0].integers
        rows = np.frombuffer(b"".join(some.data for some in blocks), _INTEGERS if integers else _FLOATS)
        sizes = [len(some.data) // rows.itemsize for some in blocks]
        first = np.repeat(np.array([some.first_step >> some.shift for some in blocks], np.int64), sizes)
        more = np.repeat(np.array([shift - some.shift for some in blocks], np.int64), sizes)
        columns = {f.name: rows[f.name] for f in fields(cls) if f.name != "ids"}
        return cls(ids=(rows["offset"].astype(np.int64) + first) >> more, **columns), sizes


@dataclass(frozen=True)
class Blocks:
    """The packed buckets of a chunk: their shift, and the step of its first point."""

    data: bytes
    shift: int
    first_step: int
    integers: bool


def joined(parts: Sequence[Buckets]) -> Buckets:
    """Return buckets of points that follow one another as one; neighbours may have the same number."""
    return Buckets(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Buckets)})


def block_shift(n: int, first_step: int, last_step: int) -> int:
    """Return the shift of buckets that hold 512 to 1,024 of `n` points, if these are spread evenly."""
    return ((BLOCK_POINTS * (last_step - first_step) - 1) // max(1, n - 1)).bit_length()


def starts_of(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places of those numbers that differ from the one before."""
    return np.flatnonzero(np.diff(ids, prepend=~ids[:1]))
