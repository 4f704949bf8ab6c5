"""Put the fragments of a run together: which rows of each log count, and at which step.

A log that resumes or rewinds a run supersedes the rows of earlier logs from its starting step on. Logs of ranks and
successors stand beside the others and are merged by step. Logs of stock tools say no kind: one that resumed counts
its steps from 0 again, and is shifted behind the steps of the logs before it, as stock sync does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SUPERSEDING = ("resume", "rewind")


@dataclass(frozen=True)
class Fragment:
    """What stitching needs to know of one log. `last_step` is -1 where it has no row."""

    log: int
    path: str  # decides where two logs were begun at the same time, so that a rebuilt index says the same
    kind: str
    stock_resume: bool
    started_at: float
    starting_step: int
    last_step: int


@dataclass(frozen=True)
class Piece:
    """One log's part of the run: its rows with a step below `below` count (None: all), moved by `shift` steps.

    No row of it that counts has a step above `last_step`, which is moved already; -1 where there is none.
    """

    log: int
    shift: int
    below: int | None
    last_step: int


def stitch(fragments: Sequence[Fragment]) -> list[Piece]:
    """Return the pieces of a run in the order in which its logs were begun."""
    ordered = sorted(fragments, key=lambda f: (f.started_at, f.path))
    shifts: list[int] = []
    last = -1
    for place, fragment in enumerate(ordered):
        shift = last + 1 if fragment.stock_resume and place else 0
        shifts.append(shift)
        if fragment.kind in SUPERSEDING:
            last = fragment.starting_step - 1
        if fragment.last_step >= 0:
            last = max(last, fragment.last_step + shift)
    pieces = []
    below: int | None = None
    for fragment, shift in reversed(list(zip(ordered, shifts, strict=True))):
        moved = fragment.last_step + shift if fragment.last_step >= 0 else -1
        last_step = moved if below is None else min(moved, below - 1)
        pieces.append(Piece(fragment.log, shift, None if below is None else below - shift, last_step))
        if fragment.kind in SUPERSEDING:
            below = fragment.starting_step if below is None else min(below, fragment.starting_step)
    return pieces[::-1]
