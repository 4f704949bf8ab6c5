"""What a page asks of a chart, and how the lines of one are sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runstore.errors import UsageError
from runstore.query.charting.groups import Spread
from runstore.query.charting.lines import BUCKETS, Grid, Line, Window
from runstore.query.charting.spikes import AROUND, spikes
from runstore.web.numbers import DIGITS, column, digits_for, run_lengths, shortened, steps_between

MOST_LINES = 100
_MOST_BUCKETS = 2000
_END_DIGITS = 6  # of first and last values, which are named in words as well
_X_DIGITS = 15


@dataclass(frozen=True)
class Wanted:
    """What is asked of one chart: a metric, its x axis ("" is the one that was meant), a window of that, how fine.

    With `width`, of an earlier answer, cells are those of that answer. `after` has a number for each run: only what
    lies from that cell on is answered. `ranges`: the minimum and maximum of each bucket, however many the runs.

    Lines are those of runs. With `system`, names of what is measured of a machine, they are these, of one run; with
    `groups`, lists of places among the runs, they are groups of them, with their mean and `spread`.
    """

    key: str
    x: str
    window: Window
    width: float | None
    after: Sequence[float | None]
    buckets: int
    ranges: bool
    system: Sequence[str] = ()
    groups: Sequence[Sequence[int]] = ()
    spread: Spread = "std"

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Wanted:
        """Return what a question wants. Raises UsageError."""
        key, x, buckets = asked.get("key"), asked.get("x", ""), asked.get("buckets", BUCKETS)
        if not isinstance(key, str) or not isinstance(x, str):
            raise UsageError("a chart has a key, and may have an x; both are names of metrics")
        if type(buckets) is not int or not 2 <= buckets <= _MOST_BUCKETS:
            raise UsageError(f"buckets is a whole number from 2 to {_MOST_BUCKETS:,}")
        width = _number(asked.get("width"), "width")
        if width is not None and width < 0:
            raise UsageError("width is not below 0")
        after = asked.get("after", [])
        if not isinstance(after, list) or (after and width is None):
            raise UsageError("after is a list with a number for each run, and goes with a width")
        begins = [_number(one, "after") for one in after]
        low, high = _number(asked.get("min"), "min"), _number(asked.get("max"), "max")
        window = Window(_begin(low, begins, width or 0), high)
        spread: Spread = "range" if asked.get("spread") == "range" else "std"
        ranges = bool(asked.get("ranges"))
        return cls(key, x, window, width, begins, buckets, ranges, _system(asked), _groups(asked), spread)


def line_json(
    grid: Grid,
    line: Line,
    *,
    with_ranges: bool,
    with_spikes: bool = True,
    after: float | None = None,
    digits: int = DIGITS,
) -> dict[str, Any]:
    """Return a line as it is sent; only from the cell `after` on.

    Numbers have `digits` of them, and more where a chart would show more.
    """
    shown = np.arange(len(line)) if after is None else np.flatnonzero(line.cells >= after)
    digits = digits_for([line.mean, line.low, line.high], digits)
    ends = np.array([line.first.value, line.final.value])
    some = line.at(shown)
    found: dict[str, Any] = {
        "cells": steps_between(some.cells) if grid.width else shortened(some.cells, _X_DIGITS),
        "mean": column(some.mean, digits),
        "count": run_lengths(some.count - some.nonfinite),
        "ends": [line.first.x, line.final.x],
        "values": shortened(ends, max(digits, _END_DIGITS)),
    }
    odd = np.flatnonzero(some.nonfinite)
    if len(odd):
        found |= {"odd": odd.tolist(), "oddities": some.nonfinite[odd].tolist()}
    # Groups of runs lie apart also where each bucket is one step.
    if with_ranges and bool(((some.count - some.nonfinite > 1) | (some.high > some.low)).any()):
        found |= {"low": column(some.low, digits), "high": column(some.high, digits)}
    return found | _spikes(line, len(line) - len(some), digits, with_ranges) if with_spikes else found


def _spikes(line: Line, hidden: int, digits: int, with_ranges: bool) -> dict[str, Any]:
    """Return what stands out of a line, of which the first `hidden` buckets are not sent."""
    found = {}
    below, above = (places[places >= hidden] for places in spikes(line))
    for name, places, values in (("below", below, line.low), ("above", above, line.high)):
        if len(places):
            # Where ranges are sent, the values are among them.
            tips = {} if with_ranges else {"values": column(values[places], digits)}
            found[name] = {"at": (places - hidden).tolist(), **tips}
    return found


def _system(asked: Mapping[str, Any]) -> list[str]:
    found = asked.get("system", [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or len(found) > MOST_LINES:
        raise UsageError(f"system is a list of {MOST_LINES} names at most")
    return found


def _groups(asked: Mapping[str, Any]) -> list[list[int]]:
    found = asked.get("groups", [])
    if not isinstance(found, list) or len(found) > MOST_LINES:
        raise UsageError(f"groups is a list of {MOST_LINES} lists at most")
    if not all(isinstance(one, list) and all(type(place) is int for place in one) for one in found):
        raise UsageError("a group is a list of places among refs")
    return found


def _number(value: object, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{name} is a number")
    return value


def _begin(low: float | None, after: Sequence[float | None], width: float) -> float | None:
    """Return from where to read: a little before the first cell, since spikes are told from the buckets around them."""
    if not after or None in after:
        return low
    begin = min((one - AROUND) * width if width else one for one in after if one is not None)
    return begin if low is None else max(low, begin)
