"""Decode many records at once: rows, and the summaries between them, become one column of values a key.

A training loop logs thousands of small records, and decoding them one by one costs twenty times what the numbers in
them cost. Here all records of a megabyte are walked together by numpy, item by item (items.py); their keys are told
by the bytes that name them (heads.py), their values are read by a few calls (numbers.py) and put together
(assembly.py). The order of items does not matter, nor whether all rows have the same keys: stock's rows have them in
random order. What the program printed between rows does not part them. Where the order is the same in all rows it is
taken from one of them (alike.py), and where even their sizes are, nothing is walked at all (strided.py).

Nothing is guessed: what comes out is what decoding records one by one would say, and a record for which that can't be
promised is left to the caller, who does just that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from runstore.core.logfold import LogFold
from runstore.core.rowblock import RowBlock
from runstore.index.decoding.alike import Pattern
from runstore.index.decoding.assembly import Assembly, Known
from runstore.index.decoding.heads import UNKNOWN, KeyTable, ends_of_paths
from runstore.index.decoding.items import Answers, Envelopes, Items, Places, items_of
from runstore.index.decoding.single import RowShapes
from runstore.index.decoding.strided import Layout, runs_of_one_size
from runstore.runlog import codec
from runstore.runlog.live import LiveReader
from runstore.runlog.payloads import GAP_BYTES, Payloads

MIN_RECORDS = 32  # fewer are as quick one by one: what numpy costs per call is not small
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
        self._pattern: Pattern | None = None
        self._shapes = RowShapes()
        self._payloads = Payloads()
        self._sizes: Places = np.empty(0, np.int64)
        self._runs: dict[int, int] = {}  # of many records of one size: the place of the first, and how many
        self._layout: Layout | None = None
        self._envelopes: Envelopes | None = None
        self._sets_aside = True
        self._outputs: list[int] = []  # places of records that are set aside
        self._stay: Places = np.empty(0, np.int64)  # places of the envelopes
        self._nums: Places = np.empty(0, np.int64)  # of all records
        self._others: list[int] = []  # of the envelopes: those of records that are decoded by themselves
        self._none_before = 0  # no block begins at a record before this one

    def block(self, payloads: Payloads, at: int) -> RowBlock | None:
        """Return the records that begin at `payloads[at]`; None where that one is to be decoded by itself.

        To be asked about one list after the other, from its beginning to its end; the list must not change.
        """
        if len(payloads) - at < MIN_RECORDS:
            return None
        if payloads is not self._payloads:
            self._payloads, self._envelopes, self._sets_aside = payloads, None, True
            self._sizes = np.array(payloads.sizes, np.int64)
            self._runs = runs_of_one_size(self._sizes)
            self._none_before = 0
        if at < self._none_before:
            return None
        block = self._strided(at) if at in self._runs else None
        return block or self._of_any_sizes(at)

    def _strided(self, at: int) -> RowBlock | None:
        """Return the records of one size that begin at this one; None where they are not all built alike."""
        count, size = self._runs.pop(at), int(self._sizes[at])
        text = np.frombuffer(self._payloads.text, np.uint8)
        begin = int(self._sizes[:at].sum()) + (at + 1) * GAP_BYTES
        where = text, begin, size, count
        block = self._layout.block(*where) if self._layout else None
        if block is None:  # not like the rows before
            self._layout = Layout.of(text[begin : begin + size].tobytes(), self._keys)
            block = self._layout.block(*where) if self._layout else None
        return block

    def _of_any_sizes(self, at: int) -> RowBlock | None:
        """Return the records from this one to the next that is decoded otherwise; None where they are too few."""
        while True:
            found = self._look()
            first = int(np.searchsorted(self._stay, at))
            if first == len(self._stay) or self._stay[first] != at:
                return None
            next_other = bisect_left(self._others, first)
            runs = [int(np.searchsorted(self._stay, run)) for run in self._runs if run > at]
            stop = min([len(self._stay), *self._others[next_other : next_other + 1], *runs])
            if stop - first < MIN_RECORDS:
                self._none_before = int(self._stay[stop]) if stop < len(self._stay) else len(self._payloads)
                return None
            bad = self._decode(found, first, stop)
            if not isinstance(bad, RowBlock):
                self._others[next_other:next_other] = (np.flatnonzero(bad) + first).tolist()
            elif block := self._with_outputs(bad, at, int(self._stay[stop - 1]) + 1):
                return block

    def _look(self) -> Envelopes:
        """Look at the beginnings of the records, once. Pieces of output are set aside: rows go on behind them."""
        if self._envelopes is None:
            found = Envelopes.of(self._payloads.text, self._sizes)
            is_output = found.are_outputs() if self._sets_aside else np.zeros(len(found.fits), np.bool_)
            self._nums, self._stay = found.nums, np.flatnonzero(~is_output)
            self._outputs = np.flatnonzero(is_output).tolist()
            self._envelopes = found.only(self._stay) if self._outputs else found
            self._others = np.flatnonzero(~self._envelopes.fits).tolist()
        return self._envelopes

    def _with_outputs(self, block: RowBlock, first: int, stop: int) -> RowBlock | None:
        """Return a block with the output that lies between its rows, the records first:stop in all; None where some
        is no output after all: then nothing is set aside any more.
        """
        places = self._outputs[bisect_left(self._outputs, first) : bisect_left(self._outputs, stop)]
        outputs = [record for place in places if (record := codec.decode(self._payloads[place])) is not None]
        nums = [record.num for record in outputs if record.HasField("output_raw")]
        if nums != self._nums[places].tolist():
            self._sets_aside, self._envelopes = False, None
            return None
        return replace(block, nums=self._nums[first:stop], outputs=outputs) if places else block

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

    def _decode(self, found: Envelopes, first: int, stop: int) -> RowBlock | Answers:
        """Return the records first:stop as a block, or which of them keep it from being one."""
        alike = self._rows_alike(found, first, stop) if found.is_row[first:stop].all() else None
        if alike is not None:
            items, known = alike
        else:
            items = items_of(found, first, stop)
            known = self._keys_of(found, items)
            bad = ~items.good
            bad[items.records[known.numbers == UNKNOWN]] = True
            if bad.any():
                return bad
        block = Assembly(found, first, stop, items, known)
        bad = block.undecodable() | block.repeating()
        return bad if bad.any() else block.assembled()

    def _keys_of(self, found: Envelopes, items: Items) -> Known:
        text = found.text
        tags = ends_of_paths(text, items.begins)
        named = (tags > items.begins) & (tags < items.ends)
        numbers = self._keys.numbers(text, items.begins, np.where(named, tags + 1, items.begins))
        return Known(self._keys.keys, numbers, tags)

    def _rows_alike(self, found: Envelopes, first: int, stop: int) -> tuple[Items, Known] | None:
        """Return the items of rows that all have the same keys in the same order; None where they don't."""
        pattern = self._pattern
        alike = pattern and pattern.items(found, first, stop)
        if not alike:  # not like the rows before
            pattern = Pattern.of(found, first, self._keys)
            alike = pattern and pattern.items(found, first, stop)
        if not pattern or not alike:
            return None
        self._pattern = pattern
        items, tags = alike
        numbers = np.tile(np.arange(len(pattern.keys)), stop - first)
        return items, Known(pattern.keys, numbers, tags, is_same_in_all=True)
