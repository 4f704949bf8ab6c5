"""Which earlier steps of media to take into a page that hasn't room for all: some of each, spread over its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np

from runstore.index.placing import Steps

Owner = TypeVar("Owner")

MOST_STEPS = 16  # of one owner, besides its last
_BITS = (MOST_STEPS - 1).bit_length()


def coarse_first(steps: Mapping[Owner, Steps]) -> Iterator[tuple[Owner, int]]:
    """Yield steps, each with whose it is: first the first of each owner, then the middle ones, then those between.

    So whoever stops at any time has steps of all owners, spread over each. `steps` are int64 (n,), in order.
    """
    chosen = {owner: _spread(every) for owner, every in steps.items()}
    for turn in range(1 << _BITS):
        place = int(f"{turn:0{_BITS}b}"[::-1], 2)  # the digits backwards: 0, 8, 4, 12, 2, ...
        for owner, own in chosen.items():
            if place < len(own):
                yield owner, int(own[place])


def _spread(steps: Steps) -> Steps:
    """Return some of the steps, the first among them, as far from one another and from the end as can be."""
    count = min(len(steps), MOST_STEPS)
    return steps[np.arange(count) * len(steps) // max(count, 1)]
