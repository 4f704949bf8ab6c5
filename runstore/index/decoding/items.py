"""Where the items of many records lie in their bytes, found for all records at once.

    record = num(varint) (history | summary)        tags 08, 12, 1a; or info* output, c2 0c, 6a
    history, summary = item* [step]                 tags 0a, 12
    item = path* value                              tags 0a and 12 | 82 01, 31, 28 and others

numpy looks at the first item of every record, then at the second, and so on; where an item ends is where the next
one begins. Whatever is not exactly this is told, and left to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from runstore.runlog.payloads import GAP_BYTES

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Answers = npt.NDArray[np.bool_]

NUM, HISTORY, SUMMARY, OUTPUT, ITEM, STEP, STEP_NUM = 0x08, 0x12, 0x1A, 0x6A, 0x0A, 0x12, 0x08  # tags, each one byte
INFO = b"\xc2\x0c"  # a tag of two: which of the process's runs it is about
_LARGEST = 1 << 24  # bytes of an item; a larger one is decoded by itself


@dataclass(frozen=True)
class Envelopes:
    """Records behind one another in `text`, and which of them are rows or summaries (`fits`)."""

    raw: bytes
    text: Bytes  # the same bytes
    begins: Places  # of the records
    ends: Places
    bodies: Places  # where the first item begins
    nums: Places
    is_row: Answers
    fits: Answers

    @classmethod
    def of(cls, raw: bytes, sizes: Places) -> Envelopes:
        """Look at the beginnings of records of these sizes, as Payloads have them in their text."""
        text = np.frombuffer(raw, np.uint8)
        ends = np.cumsum(sizes + GAP_BYTES)
        begins = ends - sizes
        fits = text[begins] == NUM
        nums, at, whole = varints(text, begins + 1)
        tag = text[at]
        is_row = tag == HISTORY
        fits &= whole & (is_row | (tag == SUMMARY))
        size, bodies, whole = varints(text, at + 1)
        fits &= whole & (bodies + size == ends)
        return cls(raw, text, begins, ends, bodies, nums, is_row, fits)

    def only(self, places: Places) -> Envelopes:
        """Return some of the records."""
        begins, ends, bodies, nums = (column[places] for column in (self.begins, self.ends, self.bodies, self.nums))
        return Envelopes(self.raw, self.text, begins, ends, bodies, nums, self.is_row[places], self.fits[places])

    def are_outputs(self) -> Answers:
        """Return which records look like a piece of the program's output; protobuf knows whether they are."""
        answers = ~self.fits
        places = np.flatnonzero(answers)
        begins, ends, text = self.begins[places], self.ends[places], self.text
        _, at, whole = varints(text, begins + 1)
        of_stock = (text[at] == INFO[0]) & (text[at + 1] == INFO[1])
        at = np.minimum(np.where(of_stock, at + 3 + text[at + 2], at), ends)  # of its size, one byte is enough
        answers[places] = (text[begins] == NUM) & whole & (text[at] == OUTPUT) & (at < ends)
        return answers


@dataclass(frozen=True)
class Items:
    """The items of records, in order: each is text[begins:ends], and belongs to one of `records`."""

    begins: Places
    ends: Places
    counts: Places  # items of each record; of records that were not understood there are none
    step_nums: Places  # of the records, 0 where they say none
    good: Answers  # which records were understood

    @cached_property
    def records(self) -> Places:
        """For each item, the place of its record."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def items_of(found: Envelopes, first: int, stop: int) -> Items:
    """Find the items of the records first:stop, all of which must fit."""
    text, ends = found.text, found.ends[first:stop]
    at = found.bodies[first:stop]
    rows: Places | None = None  # None: all
    tails, counts = at.copy(), np.zeros(len(at), np.int64)
    good = np.ones(len(at), np.bool_)
    steps: list[tuple[Places | None, Places, Places]] = []
    while len(at):
        is_item = (text[at] == ITEM) & (at < ends)
        if not is_item.all():
            rows = np.arange(len(at)) if rows is None else rows
            tails[rows[~is_item]] = at[~is_item]
            counts[rows[~is_item]] = len(steps)
            at, rows, ends = at[is_item], rows[is_item], ends[is_item]
            if not len(at):
                break
        size, begin, whole = varints(text, at + 1)
        after = begin + size
        inside = whole & (size < _LARGEST) & (after <= ends)
        if not inside.all():
            rows = np.arange(len(at)) if rows is None else rows
            good[rows[~inside]] = False
            begin, after, rows, ends = begin[inside], after[inside], rows[inside], ends[inside]
        steps.append((rows, begin, after))
        at = after
    numbers, whole = step_nums_of(text, tails, found.ends[first:stop], found.is_row[first:stop])
    good &= whole
    return _in_order(steps, counts, numbers, good)


def step_nums_of(text: Bytes, at: Places, ends: Places, is_row: Answers) -> tuple[Places, Answers]:
    """Return the numbers of the steps at `at`, where items end, and which records are whole with that."""
    nothing = at == ends
    if nothing.all():
        return np.zeros(len(at), np.int64), nothing
    size = text[at + 1]
    number, stop, whole = varints(text, at + 3)
    empty = size == 0
    good = (text[at] == STEP) & is_row & (at + 2 + size == ends)
    good &= empty | (whole & (text[at + 2] == STEP_NUM) & (stop == ends))
    return np.where(nothing | empty, 0, number), nothing | good


def _in_order(
    steps: list[tuple[Places | None, Places, Places]], counts: Places, numbers: Places, good: Answers
) -> Items:
    """Put what was found item by item in the order of the records, and leave out those that are not good."""
    total, width = len(counts), len(steps)
    if good.all() and all(rows is None for rows, _, _ in steps):
        begins = np.stack([begin for _, begin, _ in steps], axis=1).ravel() if width else counts[:0]
        ends = np.stack([end for _, _, end in steps], axis=1).ravel() if width else counts[:0]
        return Items(begins, ends, counts, numbers, good)
    counts = np.where(good, counts, 0)
    places = np.cumsum(counts) - counts
    begins, ends = np.empty((2, int(counts.sum())), np.int64)
    for number, (rows, begin, end) in enumerate(steps):
        rows = np.arange(total) if rows is None else rows
        wanted = good[rows]
        where = places[rows[wanted]] + number
        begins[where], ends[where] = begin[wanted], end[wanted]
    return Items(begins, ends, counts, numbers, good)


def varints(text: Bytes, at: Places) -> tuple[Places, Places, Answers]:
    """Return the varints at `at`, the places behind them, and which of them were whole, in nine bytes or fewer."""
    byte = text[at]
    more = byte >= 0x80
    if not more.any():  # nearly every length
        return byte.astype(np.int64), at + 1, ~more
    value = (byte & 0x7F).astype(np.int64)
    at = at + 1
    for shift in range(7, 63, 7):
        byte = text[at]
        value |= np.where(more, (byte & 0x7F).astype(np.int64) << shift, 0)
        at = at + more
        more = more & (byte >= 0x80)
        if not more.any():
            break
    return value, at, ~more
