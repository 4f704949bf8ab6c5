"""Put the fragments of a run together: which rows of each log count, and at which step.

A log that resumes or rewinds a run supersedes the rows of earlier logs from its starting step on. Logs of ranks and
successors stand beside the others and are merged by step. Logs of stock tools say no kind: behind the first of a run
they go on with it, and a step that is taken already is lifted to the next free one, as `wandb sync` does.

A run that was forked from another one goes on from that run's rows up to the step of the fork.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

SUPERSEDING = ("resume", "rewind")


@dataclass(frozen=True)
class Fragment:
    """What stitching needs to know of one log. `last_step` is -1 where it has no row."""

    log: int
    path: str  # decides where two logs were begun at the same time, so that a rebuilt index says the same
    kind: str
    started_at: float
    starting_step: int
    last_step: int
    rows: int  # of different steps


@dataclass(frozen=True)
class Piece:
    """One log's part of the run: which of its rows count, and where they stand.

    With `after`, its steps are lifted behind that step (index/placing.py says how). Rows whose step, lifted, is below
    `below` count (None: all). None of them has a step above `last_step`; -1 where there is none.
    """

    log: int
    after: int | None
    below: int | None
    last_step: int


def stitch(fragments: Sequence[Fragment], last: int = -1) -> list[Piece]:
    """Return the pieces of a run in the order in which its logs were begun.

    `last` is the last step that it has of the run that it was forked from, if it was.
    """
    ordered = sorted(fragments, key=lambda f: (f.started_at, f.path))
    placed: list[tuple[Fragment, int | None, int]] = []
    for place, fragment in enumerate(ordered):
        after = last if place and not fragment.kind else None
        if fragment.kind in SUPERSEDING:
            last = fragment.starting_step - 1
        end = fragment.last_step
        if after is not None and fragment.rows:
            end = max(end, after + fragment.rows)
        placed.append((fragment, after, end))
        last = max(last, end)
    pieces = []
    below: int | None = None
    for fragment, after, end in reversed(placed):
        pieces.append(Piece(fragment.log, after, below, end if below is None else min(end, below - 1)))
        if fragment.kind in SUPERSEDING:
            below = fragment.starting_step if below is None else min(below, fragment.starting_step)
    return pieces[::-1]


def cut(pieces: Sequence[Piece], below: int) -> list[Piece]:
    """Return the pieces without their rows at `below` and behind."""
    return [
        replace(
            piece,
            below=below if piece.below is None else min(piece.below, below),
            last_step=min(piece.last_step, max(-1, below - 1)),
        )
        for piece in pieces
    ]
