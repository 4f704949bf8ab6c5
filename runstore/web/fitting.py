"""How fine a chart is sent: as fine as the bytes allow that it may take.

Lines pack to a third where their neighbours are alike, as those of a metric mostly are. Noise doesn't: 20 runs of 400
buckets with four digits are 19 KB. So one digit less is sent then, of which there are still some hundred between the
bottom and the top of a chart, and where that is too much, cells twice as wide. What stands out of a line stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from runstore.query.charting.lines import BUCKETS, Grid
from runstore.web.answering import packed
from runstore.web.curves import Wanted
from runstore.web.jsontext import as_json
from runstore.web.numbers import DIGITS

LINES = 20
BYTES = 13_500  # of so many lines, packed; with what an answer has around them it is 14,000
_COLUMNS = 3  # of a line with its ranges
_MOST_TURNS = 8
_CELLS = 200  # of a chart whose points were all shown, and no longer are


def fitting(
    wanted: Wanted, lines: int, grid_of: Callable[[Wanted], Grid], sent: Callable[[Grid, int], object]
) -> object:
    """Return what `sent` makes of a chart's grid and a number of digits: the finest that fits.

    More lines may take more, and so may more buckets, and ranges, where somebody asked for these: of a chart that fills
    the window, or of a file. Cells of a width that was asked for, as beside those that are there, are not made wider.
    """
    limit = BYTES * max(1.0, lines / LINES) * max(1.0, wanted.buckets / BUCKETS) * (_COLUMNS if wanted.ranges else 1)
    found: object = None
    for grid in _coarser(wanted, grid_of):
        for digits in (DIGITS, DIGITS - 1):
            found = sent(grid, digits)
            text = as_json(found)
            if len(text) <= limit or len(packed(text)) <= limit:
                return found
    return found


def _coarser(wanted: Wanted, grid_of: Callable[[Wanted], Grid]) -> Iterator[Grid]:
    grid = grid_of(wanted)
    yield grid
    for _ in range(_MOST_TURNS if wanted.width is None else 0):
        grid = grid_of(replace(wanted, width=_wider(grid), x=grid.x))
        yield grid


def _wider(grid: Grid) -> float:
    """Return the next width: they are powers of two; 0 is that of cells which are the points themselves."""
    if grid.width:
        return grid.width * 2
    ends = [float(line.cells[at]) for line in grid.lines if len(line) for at in (0, -1)]
    across = max(ends, default=1.0) / _CELLS - min(ends, default=0.0) / _CELLS
    return math.ldexp(1.0, math.frexp(across)[1]) if across > 0 else 1.0
