"""Runs by the value of one column: how many have each, and what a metric was on average among them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runstore.query.listing import Column
from runstore.query.stored.run import StoredRun


class Spread(NamedTuple):
    """A column over some runs: of `finite` numbers the mean, the sample's deviation, the least and the largest.

    `std` is None of fewer than two; the others are of none. `others` are NaN and infinities.
    """

    finite: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    others: int


@dataclass
class Group:
    """The runs that have one value; None: those that have none."""

    value: Any
    runs: list[StoredRun] = field(default_factory=list)

    def states(self) -> dict[str, int]:
        """Return how many of them are in each state."""
        return dict(Counter(run.state for run in self.runs).most_common())

    def spread(self, column: Column) -> Spread:
        """Return how the numbers of a column are spread over them."""
        return spread_of(column.value(run) for run in self.runs)


def grouped(runs: Iterable[StoredRun], by: Column) -> list[Group]:
    """Return the groups, in order of their values: numbers, then texts, then the runs without one.

    1, 1.0 and "1" are three values as soon as a config says them so, but for 1 and 1.0, which are one number.
    """
    found: dict[tuple[int, Any], Group] = {}
    for run in runs:
        value = _hashable(by.value(run))
        found.setdefault(_rank(value), Group(value)).runs.append(run)
    return [found[rank] for rank in sorted(found)]


def spread_of(values: Iterable[Any]) -> Spread:
    """Return how the numbers among these values are spread; Booleans and texts are none."""
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    finite = [float(value) for value in numbers if math.isfinite(value)]
    others = len(numbers) - len(finite)
    if not finite:
        return Spread(0, None, None, None, None, others)
    low, high = min(finite), max(finite)
    mean = min(max(math.fsum(finite) / len(finite), low), high)  # which rounding may put beside equal values
    variance = math.fsum((value - mean) ** 2 for value in finite) / max(1, len(finite) - 1)
    return Spread(len(finite), mean, math.sqrt(variance) if len(finite) > 1 else None, low, high, others)


def _hashable(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 3, ""
    if isinstance(value, bool):
        return 1, str(value)
    if isinstance(value, (int, float)):
        return (0, value) if value == value else (1, "NaN")
    return 2, str(value)


def telling(runs: Sequence[StoredRun], columns: Sequence[Column]) -> list[Column]:
    """Return those of the columns in which not all runs have the same: others say nothing in a plot."""
    return [column for column in columns if len({str(column.value(run)) for run in runs}) > 1]
