"""Put together what was found of many records: a column of numbers for each key, and the values that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from runstore.core.keys import Key, key_of
from runstore.core.rowblock import Column, Odd, RowBlock
from runstore.index.decoding.heads import JSON
from runstore.index.decoding.items import Answers, Envelopes, Items, Places
from runstore.index.decoding.numbers import Values
from runstore.runlog import codec
from runstore.runlog.record_pb2 import HistoryItem, SummaryItem

_INT64_MIN = -(1 << 63)
_INT64 = range(_INT64_MIN, 1 << 63)


@dataclass(frozen=True)
class Known:
    """The keys of items: their numbers among `keys`, and where the tags of the values stand."""

    keys: list[Key]
    numbers: Places
    tags: Places
    is_same_in_all: bool = False  # each record has each of the keys once, in order


@dataclass(frozen=True)
class _Group:
    """The items of one key: their places among all of the block."""

    key: int
    places: Places | slice


class Assembly:
    """Everything that is known of a block's items, to be put together."""

    def __init__(self, found: Envelopes, first: int, stop: int, items: Items, known: Known) -> None:
        self._found, self._items, self._keys, self._known = found, items, known.keys, known
        self._values = Values.of(found, known.tags, items.ends)
        self._nums, self._begins = found.nums[first:stop], found.begins[first:stop]
        self._is_row = found.is_row[first:stop]
        self._only_rows = bool(self._is_row.all())
        self._row_of_record = np.cumsum(self._is_row) - 1
        if self._only_rows:
            self._of_row = np.ones(len(known.tags), np.bool_)
        else:
            self._of_row = self._is_row[items.records]
            # Typed values are known in rows alone.
            self._values.known &= self._of_row | (found.text[known.tags] == JSON)
        self._odd: list[Odd] = []
        self._assigned_odd: list[Odd] = []

    def undecodable(self) -> Answers:
        """Decode items by themselves that are no plain numbers; return the records where that can't be."""
        bad = np.zeros(len(self._nums), np.bool_)
        items, values = self._items, self._values
        for at in np.flatnonzero(~values.known).tolist():
            begin, record = int(items.begins[at]), int(items.records[at])
            content = self._found.raw[begin : int(items.ends[at])]
            key = self._keys[int(self._known.numbers[at])]
            try:
                item = HistoryItem.FromString(content) if self._of_row[at] else SummaryItem.FromString(content)
            except DecodeError:
                bad[record] = True
                continue
            if key_of(codec.path_of(item)) != key:  # it goes on behind its head, and names another one
                bad[record] = True
                continue
            if isinstance(item, SummaryItem):
                self._assigned_odd.append(Odd(0, key, codec.loads(item.value_json), begin))
                continue
            value = codec.value_of(item)
            if type(value) is float:
                values.floats[at] = value
            elif type(value) is int and value in _INT64:
                values.integers[at], values.whole[at] = value, True
            else:
                self._odd.append(Odd(int(self._row_of_record[record]), key, value, begin))
                continue
            values.known[at] = True
        return bad

    def repeating(self) -> Answers:
        """Group the items by their keys; return the records that say a key twice."""
        bad = np.zeros(len(self._nums), np.bool_)
        if self._known.is_same_in_all:
            width = len(self._keys)
            self._rows = [_Group(key, slice(key, None, width)) for key in range(width)]
            self._assigned: list[_Group] = []
            return bad
        numbers = self._known.numbers
        self._rows = list(_grouped(numbers, np.flatnonzero(self._of_row)))
        self._assigned = list(_grouped(numbers, np.flatnonzero(~self._of_row)))
        for group in self._rows:
            records = self._items.records[group.places]
            bad[records[1:][records[1:] == records[:-1]]] = True
        return bad

    def assembled(self) -> RowBlock:
        """Return the block."""
        columns = [column for group in self._rows if (column := self._column(group)) is not None]
        assigned = [column for group in self._assigned if (column := self._column(group, False)) is not None]
        steps = self._steps(next((column for column in columns if column.key == "_step"), None))
        order = self._begins[self._is_row]
        return RowBlock(self._nums, steps, order, columns, self._odd, assigned, self._assigned_odd)

    def _column(self, group: _Group, of_rows: bool = True) -> Column | None:
        """Return the numbers of a key; None where it has none."""
        places, values = group.places, self._values
        if not values.known[places].all():
            places = np.arange(len(values.known))[places] if isinstance(places, slice) else places
            places = places[values.known[places]]
            if not len(places):
                return None
        rows = None
        if of_rows and not (isinstance(places, slice) and self._only_rows):
            rows = self._row_of_record[self._items.records[places]]
            if len(rows) == self._row_of_record[-1] + 1:
                rows = None  # all of them
        key, order = self._keys[group.key], self._items.begins[places]
        whole = values.whole[places]
        if not whole.any():
            return Column(key, rows, values.floats[places], order)
        if whole.all():
            return Column(key, rows, values.integers[places], order)
        pairs = zip(whole.tolist(), values.integers[places].tolist(), values.floats[places].tolist(), strict=True)
        return Column(key, rows, [integer if is_int else number for is_int, integer, number in pairs], order)

    def _steps(self, column: Column | None) -> Places:
        """Return the steps of the rows, as codec.step_of tells them."""
        steps = steps_of(self._items.step_nums[self._is_row], column)
        for odd in self._odd:
            if odd.key == "_step" and isinstance(odd.value, bool):
                steps[odd.row] = int(odd.value)
        return steps


def steps_of(nums: Places, column: Column | None) -> Places:
    """Return the steps of rows that say these numbers, and have this column of `_step`."""
    steps: Places = nums.copy()
    if column is None:
        return steps
    rows = np.arange(len(steps)) if column.rows is None else column.rows
    if isinstance(column.values, np.ndarray) and column.values.dtype.kind == "i":
        usable = column.values != _INT64_MIN
        steps[rows[usable]] = column.values[usable]
    else:
        for row, (_, value) in zip(rows.tolist(), column.pairs(), strict=True):
            if value == value and abs(value) < 2**63:
                steps[row] = int(value)
    return steps


def _grouped(numbers: Places, chosen: Places) -> Iterator[_Group]:
    """Group the chosen places by their numbers, each group in order."""
    if not len(chosen):
        return
    some = numbers[chosen]
    # Small integers are sorted by counting.
    order = np.argsort(some.astype(np.uint16) if some.max() < 1 << 16 else some, kind="stable")
    some = some[order]
    cuts = np.flatnonzero(some[1:] != some[:-1]) + 1
    for key, places in zip(some[np.concatenate(([0], cuts))].tolist(), np.split(chosen[order], cuts), strict=True):
        yield _Group(key, places)
