"""The points of numeric metrics, packed into chunks of thousands with their statistics beside them.

Every value comes back as it was logged, its type (float or integer) included: how the points of a series are cut into
chunks depends on who indexed what when, and must not show in any answer.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.index.chunks.buckets import Buckets
from runstore.index.chunks.packing import packed, packed_size, unpacked
from runstore.index.chunks.stepping import CutSteps, Steps

CHUNK_POINTS = 4096
# Sealed chunks are larger: a row leaves half a page of the database empty on average, and one of 4,096 points may waste
# 0.3 bytes for each of them. They are packed and read more quickly, too; what a look at a few points costs, grows.
SEALED_POINTS = 4 * CHUNK_POINTS
# Behind the letter of a form: steps and points are packed, and JSON is compressed.
SEALED = "z"
# Beyond this a float64 can't hold every integer.
_EXACT = 2**53

Number = float | int
# float64 where all are floats, int64 where all are integers, a list where they are mixed.
Values = npt.NDArray[np.float64] | npt.NDArray[np.int64] | list[Number]


@dataclass(frozen=True)
class Chunk:
    """One row of the table `chunks`, less its series and place; the columns are described in schema.sql."""

    n: int
    first_step: int
    last_step: int
    stride: int | None
    rising: int
    low: Number | None
    high: Number | None
    total: float
    last: Number | None
    nonfinite: int
    form: str
    block_shift: int | None
    blocks: bytes | None
    steps: bytes | None
    points: bytes

    @classmethod
    def pack(cls, steps: Sequence[int] | Steps, values: Sequence[Number] | Values) -> Chunk:
        """Return a chunk of these points, in this order; they come back exactly as they were."""
        step_array = np.asarray(steps, dtype="<i8")
        return next(cls.pack_all(CutSteps(step_array, len(step_array)), as_values(values)))

    @classmethod
    def pack_all(cls, cut: CutSteps, column: Values) -> Iterator[Chunk]:
        """Yield the chunks of many points, as their steps are cut: of a list, in which types are mixed, only one."""
        numbers = np.array(column, dtype="<f8") if isinstance(column, list) else column
        buckets = Buckets.between(cut.starts, cut.offsets, numbers)
        blocks = buckets.packed()
        for span, first, stop in zip(cut.spans, cut.first_blocks[:-1], cut.first_blocks[1:], strict=True):
            form, points = _points(column[span.begin : span.end])
            yield cls(
                n=span.end - span.begin,
                first_step=span.first_step,
                last_step=span.last_step,
                stride=span.stride,
                rising=int(span.rising),
                **_statistics(numbers[span.begin : span.end], buckets, first, stop),
                form=form,
                block_shift=span.block_shift,
                blocks=None if span.block_shift is None else blocks[first:stop].tobytes(),
                steps=span.steps,
                points=points,
            )

    def row(self) -> tuple[Any, ...]:
        """Return the columns in order, as the database takes them."""
        return tuple(vars(self).values())

    @property
    def kind(self) -> str:
        """What the values are, packed or not: d floats, q integers, m or j both."""
        return self.form[0]

    @property
    def is_sealed(self) -> bool:
        """Whether the chunk is packed, as those of ended runs are."""
        return self.form.endswith(SEALED)

    def sealed(self) -> Chunk:
        """Return the same points in fewer bytes; takes about 50 ns a point."""
        if self.is_sealed:
            return self
        steps = self.steps and packed(np.frombuffer(self.steps, dtype="<i8"))
        if self.form == "j":
            points = zlib.compress(self.points, 1)
        else:
            end = 8 * self.n
            points = packed(np.frombuffer(self.points[:end], dtype="<i8"))
            points += zlib.compress(self.points[end:], 1) if self.kind == "m" else b""
        return replace(self, form=self.form + SEALED, steps=steps, points=points)

    def unsealed(self) -> Chunk:
        """Return the same points as they are while a run is live."""
        if not self.is_sealed:
            return self
        steps = self.steps and unpacked(self.steps, self.n).tobytes()
        if self.kind == "j":
            points = zlib.decompress(self.points)
        else:
            points = unpacked(self.points, self.n).tobytes()
            if self.kind == "m":
                points += zlib.decompress(self.points[packed_size(self.points) :])
        return replace(self, form=self.kind, steps=steps, points=points)

    def step_array(self) -> Steps:
        """Return the steps, int64 (n,)."""
        if self.steps is None:
            return self.first_step + (self.stride or 0) * np.arange(self.n, dtype=np.int64)
        if self.is_sealed:
            return unpacked(self.steps, self.n)
        return np.frombuffer(self.steps, dtype="<i8").astype(np.int64)

    def values(self) -> list[Number]:
        """Return the values as Python numbers, exactly as they were logged."""
        return _listed(self.column())

    def value_array(self) -> npt.NDArray[Any]:
        """Return the values: int64 (n,) where all are integers, else float64 (n,)."""
        if self.kind == "j":
            return np.array(self.column(), dtype=np.float64)
        words = unpacked(self.points, self.n) if self.is_sealed else np.frombuffer(self.points, "<i8", count=self.n)
        return words if self.kind == "q" else words.view("<f8")

    def column(self) -> Values:
        """Return the values in the form in which chunks are packed: an array, or a list where types are mixed."""
        if self.kind in "dq":
            return self.value_array()
        plain = self.unsealed()
        if self.kind == "j":
            exact: list[Number] = json.loads(plain.points)
            return exact
        whole = np.unpackbits(np.frombuffer(plain.points, np.uint8, offset=8 * self.n), count=self.n).tolist()
        numbers = plain.value_array().tolist()
        return [int(number) if is_int else number for number, is_int in zip(numbers, whole, strict=True)]


def as_values(values: Sequence[Number] | Values) -> Values:
    """Return numbers as an array if they are all floats or all integers, else as a list."""
    if isinstance(values, np.ndarray):
        return values.astype("<i8" if values.dtype.kind in "iu" else "<f8", copy=False)
    kinds = set(map(type, values))
    if kinds == {int}:
        return np.array(values, dtype="<i8")
    return np.array(values, dtype="<f8") if kinds <= {float} else list(values)


def _listed(column: Values) -> list[Number]:
    return column if isinstance(column, list) else list(column.tolist())


def joined(columns: Sequence[Values]) -> Values:
    """Return columns behind one another as one."""
    if len(columns) == 1:
        return columns[0]
    kinds = {"list" if isinstance(column, list) else column.dtype.kind for column in columns}
    if len(kinds) == 1 and "list" not in kinds:
        return np.concatenate(columns)
    return [number for column in columns for number in _listed(column)]


def _points(column: Values) -> tuple[str, bytes]:
    """Return the form in which these values are kept without losing anything, and their bytes."""
    if not isinstance(column, list):
        return "q" if column.dtype.kind == "i" else "d", column.tobytes()
    if all(type(value) is float or -_EXACT <= value <= _EXACT for value in column):
        whole = np.fromiter((type(value) is int for value in column), np.bool_, len(column))
        return "m", np.array(column, dtype="<f8").tobytes() + np.packbits(whole).tobytes()
    return "j", json.dumps(column).encode()


def _statistics(numbers: npt.NDArray[Any], blocks: Buckets, first: int, stop: int) -> dict[str, Any]:
    """Return the statistics of values, float64 or int64 (n,), of the finite ones, but for `last`.

    blocks[first:stop] are the blocks that they make up.
    """
    nonfinite = int(blocks.nonfinite[first:stop].sum())
    finite = numbers[np.isfinite(numbers)] if nonfinite else numbers
    last = numbers[-1].item()
    return {
        "low": np.fmin.reduce(blocks.low[first:stop]).item() if len(finite) else None,
        "high": np.fmax.reduce(blocks.high[first:stop]).item() if len(finite) else None,
        "total": _total(finite),
        "last": None if last != last else last,
        "nonfinite": nonfinite,
    }


def _total(finite: npt.NDArray[Any]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(finite.sum(dtype=np.float64))
    if math.isfinite(total):
        return total
    return float((finite / len(finite)).sum()) * len(finite)  # a part of the sum was beyond what a float can hold
