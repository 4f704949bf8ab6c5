"""Where in the tables what a log says of artifacts begins."""

from __future__ import annotations

from typing import NamedTuple


class Places(NamedTuple):
    """The first rows of a log, in `artifacts` and in `moves`, that somebody means."""

    artifact: int
    move: int


EVERYTHING = Places(0, 0)
BEFORE_ALL = Places(0, 1 << 62)  # every artifact, and every move was there before
