"""The points of numeric metrics, packed into chunks of up to 4,096 with their statistics beside them."""

from __future__ import annotations

import json
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
        """Return a chunk of these points, in this order. The values come back exactly as they were."""
        form, points = _points(values)
        stride = _stride(steps)
        as_floats = np.array(values, dtype=np.float64)
        finite = as_floats[np.isfinite(as_floats)]
        last = float(as_floats[-1])
        return cls(
            n=len(steps),
            first_step=steps[0],
            last_step=steps[-1],
            stride=stride,
            low=float(finite.min()) if len(finite) else None,
            high=float(finite.max()) if len(finite) else None,
            total=float(finite.sum()),
            last=None if last != last else last,
            nonfinite=len(as_floats) - len(finite),
            form=form,
            steps=None if stride is not None else np.array(steps, dtype="<i8").tobytes(),
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


def _points(values: Sequence[Number]) -> tuple[str, bytes]:
    """Return the form and the bytes in which these values are kept without losing anything."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return "d", np.array(values, dtype="<f8").tobytes()
    if kinds == {int}:
        return "q", np.array(values, dtype="<i8").tobytes()
    if all(type(value) is float or -_EXACT <= value <= _EXACT for value in values):
        return "d", np.array(values, dtype="<f8").tobytes()
    return "j", json.dumps(list(values)).encode()


def _stride(steps: Sequence[int]) -> int | None:
    """Return the distance between neighbouring steps where it is the same for all."""
    if len(steps) == 1:
        return 0
    stride = steps[1] - steps[0]
    return stride if list(steps) == list(range(steps[0], steps[0] + stride * len(steps), stride or 1)) else None


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
