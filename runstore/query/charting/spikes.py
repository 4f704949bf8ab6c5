"""What a line of averages would hide: buckets that hold values far from all that the line passes.

An average of thousands of points shows nothing of one that is far away. Where a chart can't show the minimum and
maximum of every bucket, it shows those that stand out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.query.charting.lines import Line

Places = npt.NDArray[np.intp]
_Values = npt.NDArray[np.float64]

# Noise leaves the line everywhere, and about equally far: a spike is this much farther out than others around it.
_STANDS_OUT = 4.0
_LEAST = 0.01  # of the height of the line: two pixels of a chart
AROUND = 32  # buckets
_MOST = 24  # of a line, each way


def spikes(line: Line) -> tuple[Places, Places]:
    """Return at which places of a line the minimum has to be shown, and at which the maximum."""
    shown = np.flatnonzero(np.isfinite(line.mean) & (line.count - line.nonfinite > 1))
    if not len(shown):
        return shown, shown
    lined = np.flatnonzero(np.isfinite(line.mean))
    mean, of_shown = line.mean[lined], np.searchsorted(lined, shown)
    below = shown[_standing_out(-mean, of_shown, -_floats(line.low[shown]))]
    above = shown[_standing_out(mean, of_shown, _floats(line.high[shown]))]
    return below, above


def _standing_out(mean: _Values, places: Places, tops: _Values) -> Places:
    """Return which maxima of buckets lie far above the line of means; `places` are those of the buckets in it."""
    edged = np.pad(mean, 1, "edge")
    covered = np.maximum(np.maximum(edged[:-2], edged[2:]), mean)[places]
    with np.errstate(over="ignore", invalid="ignore"):
        excess = np.nan_to_num(tops - covered)
        least = np.nan_to_num(_LEAST * (mean.max() - mean.min()))
    which = np.flatnonzero((excess > _STANDS_OUT * _usual(excess)) & (excess > least))
    if len(which) > _MOST:
        which = np.sort(which[np.argsort(excess[which])[-_MOST:]])
    return which


def _usual(excess: _Values) -> _Values:
    """Return how far the buckets around each bucket reach from the line, or fall short of it, as a median."""
    starts = range(0, len(excess), AROUND)
    medians = [np.median(np.abs(excess[start : start + AROUND])) for start in starts]
    return np.repeat(medians, AROUND)[: len(excess)]


def _floats(values: npt.NDArray[Any]) -> _Values:
    return values.astype(np.float64)
