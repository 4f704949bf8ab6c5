"""The rows of the benchmark's table: what was measured, beside what, and whether the goal was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

HEADERS = ("what", "runstore", "beside", "ratio", "goal", "")


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where there is no goal; it is decided by the figures that are shown."""

    what: str
    ours: str
    beside: str
    ratio: str
    goal: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return what the table shows."""
        verdict = "" if self.met is None else "met" if self.met else "NOT MET"
        return self.what, self.ours, self.beside, self.ratio, self.goal, verdict


@dataclass(frozen=True)
class Bench:
    """What a section needs to measure: a folder of its own, and how long to take."""

    folder: Path
    quick: bool

    @property
    def rounds(self) -> int:
        """How often each measurement is repeated, in turn with those that it is compared with."""
        return 2 if self.quick else 5


def as_text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    return tabulate([row.cells() for row in rows], headers=HEADERS, disable_numparse=True)


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    return tabulate([row.cells() for row in rows], headers=HEADERS, tablefmt="github", disable_numparse=True)


def ratio(ours: float, theirs: float) -> str:
    """Return how much of theirs ours is: "1/14" or "11x"."""
    quotient = ours / theirs
    return f"1/{theirs / ours:.1f}" if quotient < 1 else f"{quotient:.1f}x"


def microseconds(nanoseconds: float) -> str:
    """Return a duration in us."""
    return f"{nanoseconds / 1000:,.1f} us"
