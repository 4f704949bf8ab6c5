"""A chunk of a few points, packed without numpy: an array costs more than a few numbers in it, and tiny runs have many.

What comes out is what Chunk.pack makes of the same points, but that a sum may differ in its last bit.
"""

from __future__ import annotations

import math
from itertools import pairwise
from struct import pack
from typing import Any

from runstore.index.chunks.series import Chunk, Number

FEW_POINTS = 48
_INT64 = range(-(1 << 63), 1 << 63)


def chunk_of_few(steps: list[int], values: list[Number]) -> Chunk:
    """Return a chunk of these points, at most FEW_POINTS, in this order; they come back exactly as they were."""
    kinds = set(map(type, values))
    if len(kinds) != 1 or len(steps) > FEW_POINTS:
        return Chunk.pack(steps, values)
    form = "d" if kinds == {float} else "q"
    finite = [value for value in values if math.isfinite(value)]
    total = math.fsum(finite) if sum(map(abs, finite)) < math.inf else None
    if total is None:  # beyond what a float can hold, on the way at least
        return Chunk.pack(steps, values)
    stride = _stride(steps)
    return Chunk(
        n=len(steps),
        first_step=steps[0],
        last_step=steps[-1],
        stride=stride,
        rising=int(all(map(int.__lt__, steps, steps[1:]))),
        low=min(finite, default=None),
        high=max(finite, default=None),
        total=total,
        last=None if values[-1] != values[-1] else values[-1],
        nonfinite=len(values) - len(finite),
        form=form,
        block_shift=None,
        blocks=None,
        steps=_packed("q", steps) if stride is None else None,
        points=_packed(form, values),
    )


def _packed(form: str, numbers: list[Any]) -> bytes:
    return pack(f"<{len(numbers)}{form}", *numbers)


def _stride(steps: list[int]) -> int | None:
    """Return the distance between neighbouring steps where it is the same for all, and one that fits into 64 bits."""
    if len(steps) == 1:
        return 0
    stride = steps[1] - steps[0]
    if stride not in _INT64 or any(later - earlier != stride for earlier, later in pairwise(steps)):
        return None
    return stride
