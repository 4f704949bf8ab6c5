"""Many records of a log at once, as columns: history rows, and what summary records between them set.

A block says what its records say one by one, and in which order: everything in it has a place in the log (`order`).
Nothing here imports numpy: a training process folds logs, too, and never needs it for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

from runstore.core.keys import Key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from runstore.runlog.record_pb2 import Record

    Places = npt.NDArray[np.int64]
    Answers = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64] | list[float | int]

Number = float | int


@dataclass(frozen=True)
class Column:
    """The numbers of one key. `values`: float64 where all are floats, int64 where all are integers, else a list.

    `rows` are the places of their rows in the block, None where these are all of them; `order` the places in the log.
    """

    key: Key
    rows: Places | None
    values: Numbers
    order: Places

    def pairs(self) -> Iterator[tuple[int, Number]]:
        """Return the values as Python numbers, each behind its place in the log."""
        values = self.values if isinstance(self.values, list) else self.values.tolist()
        return zip(self.order.tolist(), values, strict=True)

    def ends(self) -> list[tuple[int, Number]]:
        """Return the first and the last of `pairs`."""
        first, last = int(self.order[0]), int(self.order[-1])
        if isinstance(self.values, list):
            return [(first, self.values[0]), (last, self.values[-1])]
        return [(first, self.values[0].item()), (last, self.values[-1].item())]

    def largest_below(self, bound: float) -> Number:
        """Return the largest value below `bound`; 0 where there is none."""
        if isinstance(self.values, list):
            return max((value for value in self.values if value < bound), default=0)
        below = self.values[self.values < bound]
        largest: Number = below.max().item() if len(below) else 0
        return largest

    def only(self, chosen: Answers) -> Column:
        """Return the values for which `chosen` is true."""
        rows = None if self.rows is None else self.rows[chosen]
        if isinstance(self.values, list):
            return Column(self.key, rows, list(compress(self.values, chosen.tolist())), self.order[chosen])
        return Column(self.key, rows, self.values[chosen], self.order[chosen])


@dataclass(frozen=True)
class Odd:
    """A value that is no number of 64 bits; `row` is the place of its row in the block."""

    row: int
    key: Key
    value: Any
    order: int


@dataclass(frozen=True)
class RowBlock:
    """Records that follow one another in a log: history rows, and updates of the summary between them."""

    nums: Places  # the numbers of all records
    steps: Places  # of the rows
    order: Places  # of the rows
    columns: list[Column]
    odd: list[Odd] = field(default_factory=list)
    assigned: list[Column] = field(default_factory=list)  # what summary records set
    assigned_odd: list[Odd] = field(default_factory=list)
    outputs: list[Record] = field(default_factory=list)  # pieces of the program's output between the rows

    def column(self, key: str) -> Column | None:
        """Return the numbers of a key of the top level, or None where it has none."""
        return next((column for column in self.columns if column.key == key), None)

    def before(self, step: int) -> RowBlock:
        """Return the rows of earlier steps, and what summary records set before the first other one; all `nums`."""
        stays = self.steps < step
        if stays.all():
            return self
        places = stays.cumsum() - 1
        past = int(self.order[~stays][0])
        columns = [_of_rows(column, stays, places) for column in self.columns]
        assigned = [column.only(column.order < past) for column in self.assigned]
        return replace(
            self,
            steps=self.steps[stays],
            order=self.order[stays],
            columns=[column for column in columns if len(column.order)],
            odd=[replace(odd, row=int(places[odd.row])) for odd in self.odd if stays[odd.row]],
            assigned=[column for column in assigned if len(column.order)],
            assigned_odd=[odd for odd in self.assigned_odd if odd.order < past],
        )

    def without_assigned(self) -> RowBlock:
        """Return the rows alone."""
        return replace(self, assigned=[], assigned_odd=[])


def _of_rows(column: Column, stays: Answers, places: Places) -> Column:
    """Return what a column has of the rows that stay, by their new places."""
    if column.rows is None:
        return column.only(stays)
    kept = column.only(stays[column.rows])
    return replace(kept, rows=None if kept.rows is None else places[kept.rows])
