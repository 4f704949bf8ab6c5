"""Rows of typed values that lie at equal distances: each column of the bytes of many records is one array.

Typed values mostly have the same size in every row, and so have the rows. Where everything stands in them is known
from one. That the others are built like it is shown by their bits, all at once: those that tell names, sizes and types
must be the same in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runstore.core.keys import Key
from runstore.core.rowblock import Column, RowBlock
from runstore.index.decoding.alike import named_items
from runstore.index.decoding.assembly import steps_of
from runstore.index.decoding.heads import INTEGER, NUMBER, KeyTable
from runstore.index.decoding.items import Bytes, Envelopes, Places
from runstore.index.decoding.numbers import unzigzagged
from runstore.runlog.payloads import GAP_BYTES, Payloads

# Fewer rows of one size behind one another are decoded together with those of other sizes.
MIN_ROWS = 512
_STEP_HEAD_BYTES = 3  # the tag and the length of a step, and the tag of its number
_IN_VARINT, _IN_FLOAT = 0x80, 0x00  # the bits of a value's bytes that are the same in rows that are built alike


@dataclass(frozen=True)
class Layout:
    """Where everything stands in the bytes of a row: `row` is one, `fixed` the bits in which others equal it."""

    row: Bytes
    fixed: Bytes
    num: slice  # a varint, as the step
    step: slice
    values: list[tuple[Key, int, slice]]  # key, offset of its item, and the bytes of its value: a float or a varint

    @classmethod
    def of(cls, payload: bytes, table: KeyTable) -> Layout | None:
        """Return the layout of a row; None where it has values of other types, or can't be understood."""
        found = Envelopes.of(Payloads.of([payload]).text, np.array([len(payload)]))
        named = named_items(found, 0, table) if found.fits[0] and found.is_row[0] else None
        if named is None:
            return None
        keys, items, tags = named
        kinds, widths = found.text[tags], items.ends - tags - 1
        if not np.where(kinds == NUMBER, widths == 8, (kinds == INTEGER) & (widths > 0) & (widths <= 10)).all():
            return None
        row, begin = np.frombuffer(payload, np.uint8), int(found.begins[0])
        num = slice(1, 1 + _varint_size(row[1:]))
        step = slice(int(items.ends[-1]) - begin + _STEP_HEAD_BYTES, len(row))
        spans = map(slice, (tags + 1 - begin).tolist(), (items.ends - begin).tolist())
        values = list(zip(keys, (items.begins - begin).tolist(), spans, strict=True))
        fixed = np.full(len(row), 0xFF, np.uint8)
        fixed[num] = fixed[step] = _IN_VARINT
        for kind, (_, _, span) in zip(kinds.tolist(), values, strict=True):
            fixed[span] = _IN_FLOAT if kind == NUMBER else _IN_VARINT
            if kind == INTEGER and _varint_size(row[span]) != span.stop - span.start:
                return None
        return cls(row, fixed, num, step, values)

    def block(self, text: Bytes, begin: int, size: int, count: int) -> RowBlock | None:
        """Return so many rows of this size, the first of which begins at `begin`; None where one is built otherwise."""
        if size != len(self.row):
            return None
        rows: Bytes = np.ndarray((count, size), np.uint8, text.data, begin, (size + GAP_BYTES, 1))
        varying = np.bitwise_or.reduce(rows, axis=0) ^ np.bitwise_and.reduce(rows, axis=0)
        if ((varying | (rows[0] ^ self.row)) & self.fixed).any():
            return None
        begins = begin + np.arange(count) * (size + GAP_BYTES)
        columns = [self._column(rows, begins, *value) for value in self.values]
        step = next((column for column in columns if column.key == "_step"), None)
        nums = _varints(rows[:, self.num]).view(np.int64)
        return RowBlock(nums, steps_of(_varints(rows[:, self.step]).view(np.int64), step), begins, columns)

    def _column(self, rows: Bytes, begins: Places, key: Key, offset: int, span: slice) -> Column:
        if self.fixed[span.start] == _IN_FLOAT:
            return Column(key, None, np.ascontiguousarray(rows[:, span]).view("<f8").ravel(), begins + offset)
        return Column(key, None, unzigzagged(_varints(rows[:, span])), begins + offset)


def runs_of_one_size(sizes: Places) -> dict[int, int]:
    """Return which of many payloads of the same size is the first, and how many these are."""
    if len(sizes) < MIN_ROWS:
        return {}
    begins = np.flatnonzero(np.diff(sizes, prepend=-1))
    counts = np.diff(begins, append=len(sizes))
    many = counts >= MIN_ROWS
    return dict(zip(begins[many].tolist(), counts[many].tolist(), strict=True))


def _varint_size(text: Bytes) -> int:
    """Return the size of the varint that begins here, or of all bytes where it does not end."""
    ends = np.flatnonzero(text < 0x80)
    return int(ends[0]) + 1 if len(ends) else len(text)


def _varints(rows: Bytes) -> npt.NDArray[np.uint64]:
    """Return the number in each row of bytes."""
    numbers = np.zeros(len(rows), np.uint64)
    for place in range(rows.shape[1]):
        numbers |= (rows[:, place] & 0x7F).astype(np.uint64) << np.uint64(7 * place)
    return numbers
