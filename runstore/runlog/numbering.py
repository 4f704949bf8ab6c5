"""Which record numbers a log holds: what is missing between them, and what stands there more than once.

Writers number their records 1, 2, 3, ..., so that a reader can tell what it does not see. A number that comes late,
because blocks of the file were swapped, fills the gap that it left.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NumberRange:
    """Record numbers from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many numbers these are."""
        return self.last - self.first + 1


@dataclass
class Numbering:
    """Take in the numbers of a log's records, in the order of the file. Memory grows with the gaps alone."""

    last: int = 0  # the highest so far
    repeated: int = 0  # records whose number was there already
    late: int = 0  # records whose number belongs before one that was there already
    missing: list[NumberRange] = field(default_factory=list)

    def take(self, num: int) -> None:
        """Take the number of the next record in; 0 is no number."""
        if num > self.last:
            if num > self.last + 1:
                self.missing.append(NumberRange(self.last + 1, num - 1))
            self.last = num
        elif num > 0:
            self._take_earlier(num)

    def _take_earlier(self, num: int) -> None:
        place = bisect.bisect_right(self.missing, num, key=lambda gap: gap.first) - 1
        if place < 0 or num > self.missing[place].last:
            self.repeated += 1
            return
        self.late += 1
        gap = self.missing[place]
        parts = NumberRange(gap.first, num - 1), NumberRange(num + 1, gap.last)
        self.missing[place : place + 1] = [part for part in parts if part.count]
