"""The points of numeric metrics, packed into chunks of up to 4,096 with their statistics beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

CHUNK_POINTS = 4096
# Beyond this a float64 can't hold every integer.
_EXACT = 2**53

Number = float | int


@dataclass(frozen=True)
class Chunk:
    """One row of the table `chunks`, less its series and place; the columns are described in schema.sql."""

    n: int
    first_step: int
    last_step: int
    stride: int | None
    low: float | None
    high: float | None
    total: float
    last: float | None
    nonfinite: int
    form: str
    steps: bytes | None
    points: bytes

    @classmethod
    def pack(cls, steps: Sequence[int], values: Sequence[Number]) -> Chunk:
        """Return a chunk of these points, in this order.

        The values come back exactly as they were; only where floats are among them, integers come back as floats if
        these hold them exactly: the type of an integral float is lost in many logs already.
        """
        form, numbers, points = _points(values)
        step_array = np.array(steps, dtype="<i8")
        stride = _stride(step_array)
        finite = numbers[np.isfinite(numbers)]
        last = float(numbers[-1])
        return cls(
            n=len(steps),
            first_step=steps[0],
            last_step=steps[-1],
            stride=stride,
            low=float(finite.min()) if len(finite) else None,
            high=float(finite.max()) if len(finite) else None,
            total=_total(finite),
            last=None if last != last else last,
            nonfinite=len(numbers) - len(finite),
            form=form,
            steps=step_array.tobytes() if stride is None else None,
            points=points,
        )

    def step_array(self) -> npt.NDArray[np.int64]:
        """Return the steps, int64 (n,)."""
        if self.steps is None:
            return self.first_step + (self.stride or 0) * np.arange(self.n, dtype=np.int64)
        return np.frombuffer(self.steps, dtype="<i8").astype(np.int64)

    def values(self) -> list[Number]:
        """Return the values as Python numbers, exactly as they were logged."""
        if self.form == "j":
            exact: list[Number] = json.loads(self.points)
            return exact
        return list(self.value_array().tolist())

    def value_array(self) -> npt.NDArray[Any]:
        """Return the values, float64 or int64 (n,)."""
        if self.form == "j":
            return np.array(json.loads(self.points), dtype=np.float64)
        return np.frombuffer(self.points, dtype="<f8" if self.form == "d" else "<i8")


def _points(values: Sequence[Number]) -> tuple[str, npt.NDArray[np.float64], bytes]:
    """Return the form in which these values are kept without losing anything, them as float64, and their bytes."""
    kinds = set(map(type, values))
    if kinds == {int}:
        exact = np.array(values, dtype="<i8")
        return "q", exact.astype(np.float64), exact.tobytes()
    numbers = np.array(values, dtype="<f8")
    if kinds == {float} or all(type(value) is float or -_EXACT <= value <= _EXACT for value in values):
        return "d", numbers, numbers.tobytes()
    mixed = [float(value) if -_EXACT <= value <= _EXACT else value for value in values]
    return "j", numbers, json.dumps(mixed).encode()


def _stride(steps: npt.NDArray[np.int64]) -> int | None:
    """Return the distance between neighbouring steps where it is the same for all, and one that fits into 64 bits."""
    if len(steps) == 1:
        return 0
    first, stride = int(steps[0]), int(steps[1]) - int(steps[0])
    if not -(1 << 63) <= stride < 1 << 63 or int(steps[-1]) != first + stride * (len(steps) - 1):
        return None
    return stride if (np.diff(steps) == stride).all() else None


def _total(finite: npt.NDArray[np.float64]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(finite.sum())
    if math.isfinite(total):
        return total
    return float((finite / len(finite)).sum()) * len(finite)  # a part of the sum was beyond what a float can hold


class SeriesTail:
    """The points of one series that are not in a full chunk yet, and the place where their chunk goes."""

    def __init__(self, series: int, place: int = 0, steps: list[int] | None = None, values: list[Number] | None = None):
        self.series = series
        self.place = place
        self.steps: list[int] = steps or []
        self.values: list[Number] = values or []
        self.changed = False

    def add(self, step: int, value: Number) -> None:
        """Add one point."""
        self.steps.append(step)
        self.values.append(value)
        self.changed = True

    def extend(self, steps: list[int], values: list[Number]) -> None:
        """Add many points."""
        self.steps += steps
        self.values += values
        self.changed = True

    def chunks(self) -> list[tuple[int, Chunk]]:
        """Return the chunks to be written, each with its place; full ones leave the tail."""
        ready: list[tuple[int, Chunk]] = []
        while len(self.steps) >= CHUNK_POINTS:
            ready.append((self.place, Chunk.pack(self.steps[:CHUNK_POINTS], self.values[:CHUNK_POINTS])))
            del self.steps[:CHUNK_POINTS], self.values[:CHUNK_POINTS]
            self.place += 1
        if self.steps and self.changed:
            ready.append((self.place, Chunk.pack(self.steps, self.values)))
        self.changed = False
        return ready
