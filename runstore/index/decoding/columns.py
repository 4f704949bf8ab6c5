"""Decode many records at once: rows, and the summaries between them, become one column of values a key.

A training loop logs thousands of small records, and decoding them one by one costs twenty times what the numbers in
them cost. Here all records of a megabyte are walked together by numpy, item by item (items.py); their keys are told
by the bytes that name them (heads.py), their values are read by a few calls (numbers.py). The order of items does not
matter, nor whether all rows have the same keys: stock's rows have them in random order.

Nothing is guessed: what comes out is what decoding records one by one would say, and a record for which that can't be
promised is left to the caller, who does just that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from runstore.core.keys import Key, key_of
from runstore.core.logfold import LogFold
from runstore.core.rowblock import Column, Odd, RowBlock
from runstore.index.decoding.heads import JSON, UNKNOWN, KeyTable, ends_of_paths
from runstore.index.decoding.items import Answers, Envelopes, Items, Places, items_of
from runstore.index.decoding.numbers import Values
from runstore.index.decoding.single import RowShapes
from runstore.runlog import codec
from runstore.runlog.live import LiveReader
from runstore.runlog.record_pb2 import HistoryItem, SummaryItem

MIN_RECORDS = 32  # fewer are as quick one by one: what numpy costs per call is not small
_INT64_MIN = -(1 << 63)
_INT64 = range(_INT64_MIN, 1 << 63)
_NO_ENVELOPES = Envelopes.of(())
_STEPS = range(1 - (1 << 63), 1 << 63)  # what `_step` may say; else the record's own number counts


def fold_until(
    reader: LiveReader,
    until: int,
    fold: LogFold,
    decoder: BlockDecoder,
    on_block: Callable[[RowBlock], None] = lambda block: None,
) -> None:
    """Fold the records that begin before offset `until`, in order: many at once where that can be, else one by one.

    `on_block` is called for the rows for which the fold's `on_row` is not.
    """
    while payloads := reader.next_many(until):
        at = 0
        while at < len(payloads):
            block = decoder.block(payloads, at) if fold.pending is None else None
            if block is None:
                decoder.fold_one(payloads[at], fold)
                at += 1
            else:
                fold.apply_rows(block)
                on_block(block)
                at += len(block.nums)


class BlockDecoder:
    """Find blocks of rows in a log's records. Remembers the keys that it saw."""

    def __init__(self) -> None:
        self._keys = KeyTable()
        self._shapes = RowShapes()
        self._payloads: Sequence[bytes] = ()
        self._found = _NO_ENVELOPES
        self._others: list[int] = []  # places of records that are decoded by themselves

    def block(self, payloads: Sequence[bytes], at: int) -> RowBlock | None:
        """Return the records that begin at `payloads[at]`; None where that one is to be decoded by itself.

        To be asked about one list after the other, from its beginning to its end; the list must not change.
        """
        if payloads is not self._payloads:
            self._look_at(payloads)
        while True:
            next_other = bisect_left(self._others, at)
            stop = self._others[next_other] if next_other < len(self._others) else len(payloads)
            if stop - at < MIN_RECORDS:
                return None
            bad = self._decode(at, stop)
            if isinstance(bad, RowBlock):
                return bad
            self._others[next_other:next_other] = (np.flatnonzero(bad) + at).tolist()

    def fold_one(self, payload: bytes, fold: LogFold) -> None:
        """Fold a record by itself."""
        decoded = self._shapes.row(payload)
        if decoded is None:
            self._shapes.learn(payload)
            fold.apply(payload)
            return
        num, row = decoded
        step = row["_step"]
        if step in _STEPS:
            fold.apply_row(num, step, row)
        else:
            fold.apply(payload)

    def _look_at(self, payloads: Sequence[bytes]) -> None:
        self._payloads = payloads
        if len(payloads) < MIN_RECORDS:
            self._others = []
            return
        self._found = Envelopes.of(payloads)
        self._others = np.flatnonzero(~self._found.fits).tolist()

    def _decode(self, first: int, stop: int) -> RowBlock | Answers:
        """Return the records first:stop as a block, or which of them keep it from being one."""
        found = self._found
        items = items_of(found, first, stop)
        known = self._keys_of_rows_alike(items, bool(found.is_row[first:stop].all())) or self._keys_of(items)
        bad = ~items.good
        bad[items.records[known.numbers == UNKNOWN]] = True
        if bad.any():
            return bad
        block = _Assembly(found, first, stop, items, self._keys.keys, known)
        bad = block.undecodable() | block.repeating()
        return bad if bad.any() else block.assembled()

    def _keys_of(self, items: Items) -> _Known:
        text = self._found.text
        tags = ends_of_paths(text, items.begins)
        named = (tags > items.begins) & (tags < items.ends)
        numbers = self._keys.numbers(text, items.begins, np.where(named, tags + 1, items.begins))
        return _Known(numbers, tags)

    def _keys_of_rows_alike(self, items: Items, only_rows: bool) -> _Known | None:
        """Return the keys of rows that all have the same ones in the same order; None where they don't."""
        if not items.width or not only_rows:
            return None
        shape = (-1, items.width)
        pattern = self._keys.pattern(self._found.text, items.begins.reshape(shape), items.ends.reshape(shape))
        if pattern is None:
            return None
        numbers, sizes = pattern
        tags = (items.begins.reshape(shape) + sizes).ravel()
        return _Known(np.tile(np.array(numbers), len(tags) // items.width), tags, numbers)


@dataclass(frozen=True)
class _Known:
    """The keys of items: their numbers, and where the tags of the values stand. `pattern`: of every record's items."""

    numbers: Places
    tags: Places
    pattern: list[int] | None = None


@dataclass(frozen=True)
class _Group:
    """The items of one key: their places among all of the block."""

    key: int
    places: Places | slice


class _Assembly:
    """Everything that is known of a block's items, to be put together."""

    def __init__(self, found: Envelopes, first: int, stop: int, items: Items, keys: list[Key], known: _Known) -> None:
        self._found, self._items, self._keys, self._known = found, items, keys, known
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
        pattern, numbers = self._known.pattern, self._known.numbers
        if pattern is not None:
            self._rows = [_Group(key, slice(place, None, len(pattern))) for place, key in enumerate(pattern)]
            self._assigned: list[_Group] = []
            return bad
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
        steps: Places = self._items.step_nums[self._is_row].copy()
        if column is not None:
            rows = np.arange(len(steps)) if column.rows is None else column.rows
            if isinstance(column.values, np.ndarray) and column.values.dtype.kind == "i":
                usable = column.values != _INT64_MIN
                steps[rows[usable]] = column.values[usable]
            else:
                for row, (_, value) in zip(rows.tolist(), column.pairs(), strict=True):
                    if value == value and abs(value) < 2**63:
                        steps[row] = int(value)
        for odd in self._odd:
            if odd.key == "_step" and isinstance(odd.value, bool):
                steps[odd.row] = int(odd.value)
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
