"""Steps cut into chunks, and all that follows from steps alone: metrics that are logged together share it."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runstore.index.chunks.buckets import BLOCK_POINTS, block_shift, starts_of

Steps = npt.NDArray[np.int64]

_MIN_POINTS_FOR_BLOCKS = 4 * BLOCK_POINTS
# What the columns of a block hold.
_MOST_OFFSET, _MOST_COUNT = (1 << 32) - 1, (1 << 16) - 1


@dataclass(frozen=True)
class Span:
    """The steps of one chunk, begin:end of all; the columns of the table `chunks` that tell them."""

    begin: int
    end: int
    first_step: int
    last_step: int
    stride: int | None
    rising: bool
    block_shift: int | None
    steps: bytes | None


class CutSteps:
    """Steps cut into spans, and these into blocks; a span that keeps no blocks is one here, too.

    `starts` are the places at which blocks begin, `offsets` their numbers less that of the span's first one, and
    `first_blocks` says which block is the first of each span.
    """

    def __init__(self, steps: Steps, points: int) -> None:
        """Cut `steps` into spans of so many points, and one of the rest."""
        self.steps = steps
        self.spans: list[Span] = []
        starts, offsets = [], []
        for begin in range(0, len(steps), points):
            some = steps[begin : begin + points]
            span, ids = _span(begin, some)
            at = starts_of(ids)
            self.spans.append(span)
            starts.append(begin + at)
            offsets.append(ids[at])
        self.first_blocks = np.cumsum([0, *map(len, starts)])
        self.starts, self.offsets = np.concatenate(starts), np.concatenate(offsets)


class Cutter:
    """Cuts the steps of one series after the other into spans of so many points, the same ones once."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._parts: list[Steps] = []
        self._cut: CutSteps | None = None

    def cut(self, parts: list[Steps]) -> CutSteps:
        """Cut these steps, which are behind one another in `parts`."""
        cut = self._cut
        if cut is None or len(parts) != len(self._parts) or any(map(operator.is_not, parts, self._parts)):
            steps = np.concatenate(parts)
            if cut is None or not np.array_equal(steps, cut.steps):
                cut = CutSteps(steps, self._points)
            self._parts, self._cut = parts, cut
        return cut


def _span(begin: int, steps: Steps) -> tuple[Span, Steps]:
    """Return what is told of the steps of a chunk, and for each of them the number of its block."""
    stride = _stride(steps)
    rising = _is_rising(steps, stride)
    shift, ids = _blocks(steps) if rising else (None, np.zeros(len(steps), np.int64))
    kept = steps.tobytes() if stride is None else None
    span = Span(begin, begin + len(steps), int(steps[0]), int(steps[-1]), stride, rising, shift, kept)
    return span, ids


def _blocks(steps: Steps) -> tuple[int | None, Steps]:
    """Return by how much rising steps are shifted to get the numbers of their blocks, and these, the first being 0.

    All are 0, and there is no shift, where there are few steps, or where they are too far apart.
    """
    none = np.zeros(len(steps), np.int64)
    shift = block_shift(len(steps), int(steps[0]), int(steps[-1]))
    if len(steps) < _MIN_POINTS_FOR_BLOCKS or shift > 62:
        return None, none
    ids = (steps >> shift) - (int(steps[0]) >> shift)
    if not 0 <= int(ids[-1]) <= _MOST_OFFSET or int(np.diff(starts_of(ids), append=len(ids)).max()) > _MOST_COUNT:
        return None, none
    return shift, ids


def _stride(steps: Steps) -> int | None:
    """Return the distance between neighbouring steps where it is the same for all, and one that fits into 64 bits."""
    if len(steps) == 1:
        return 0
    first, stride = int(steps[0]), int(steps[1]) - int(steps[0])
    if not -(1 << 63) <= stride < 1 << 63 or int(steps[-1]) != first + stride * (len(steps) - 1):
        return None
    return stride if (np.diff(steps) == stride).all() else None


def _is_rising(steps: Steps, stride: int | None) -> bool:
    """Whether every step is above the one before."""
    return stride > 0 or len(steps) == 1 if stride is not None else bool((steps[1:] > steps[:-1]).all())
