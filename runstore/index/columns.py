"""Decode many history records at once: rows of the same keys become one list of values a key.

A training loop logs the same keys again and again, so the bytes between the values of its records are the same but
for a few lengths. numpy checks these for a thousand records at a time, item by item, and the values are then cut out
of the bytes together and parsed by one call of orjson: a tenth of the cost of decoding records one by one.

Nothing is guessed: a record is taken only if every byte of it is what our own writer puts there and every value is a
number that a series can hold. All else (other keys, items in another order, NaN, text, other records) is left to the
caller, who decodes it by itself, to the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import orjson

from runstore.core.logfold import RowBlock
from runstore.runlog import codec, wire

MIN_ROWS = 16  # fewer are quicker one by one
MAX_ROWS = 2048
_LONGEST_VALUE = 32  # characters of a number
_LONGEST_WAIT = 1024  # records that go one by one before the next try, where rows of one shape are seldom

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Answers = npt.NDArray[np.bool_]

_NUM, _HISTORY, _ITEM, _STEP, _STEP_NUM = 0x08, 0x12, 0x0A, 0x12, 0x08  # tags, each one byte
_COMMA, _MINUS, _ZERO, _NINE = b",-09"
_BEYOND_INT64 = float(1 << 63)
_SLACK = bytes(1024)  # zeros behind the last record, so that no look at a wrong one goes beyond the end


class BlockDecoder:
    """Find blocks of rows in a log's records. Remembers the keys that it saw last, and how well that went."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._window = MIN_ROWS
        self._failures = 0
        self._wait = 0

    def block(self, payloads: Sequence[bytes], at: int) -> RowBlock | None:
        """Return the rows that begin at `payloads[at]`; None where that record is to be decoded by itself."""
        if self._wait:
            self._wait -= 1
            return None
        window = payloads[at : at + self._window]
        if len(window) < MIN_ROWS:
            return None
        block = self._shape.decode(window) if self._shape is not None else None
        rows = len(block.steps) if block is not None else 0
        if rows < MIN_ROWS:
            self._failed(rows, payloads[at])
            return None
        self._failures = 0
        self._wait = int(rows < len(window))  # for the record that ended the block
        self._window = min(MAX_ROWS, 2 * rows)
        return block

    def _failed(self, rows: int, payload: bytes) -> None:
        """Wait until the record that ended the rows is behind, and the longer the more often this happens."""
        if self._shape is None or (self._failures and not rows):
            self._shape = Shape.of(payload)
        self._failures += 1
        self._window = MIN_ROWS
        self._wait = max(rows, min(_LONGEST_WAIT, (1 << self._failures) - 2))


class Shape:
    """The bytes between the values of history records with the same keys in the same order."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._heads = [np.frombuffer(_head(key), np.uint8) for key in keys]

    @classmethod
    def of(cls, payload: bytes) -> Shape | None:
        """Return the shape of a record, or None for one whose like can't be decoded in blocks."""
        record = codec.decode(payload)
        if record is None or record.WhichOneof("record_type") != "history":
            return None
        keys = [item.nested_key[0] for item in record.history.item if len(item.nested_key) == 1]
        unique = len(set(keys)) == len(record.history.item)
        # Lengths of an item have one byte then.
        short = all(len(_head(key)) + 1 + _LONGEST_VALUE < 0x80 for key in keys)
        return cls(keys) if unique and short and "_step" in keys else None

    def decode(self, payloads: Sequence[bytes]) -> RowBlock | None:
        """Return the rows of the leading records that have this shape; None if there are none."""
        text = np.frombuffer(b"".join((*payloads, _SLACK)), np.uint8).copy()
        ends = np.cumsum(np.fromiter(map(len, payloads), np.int64, len(payloads)))
        at = np.concatenate(([0], ends[:-1]))
        good = text[at] == _NUM
        nums, at, whole = _varints(text, at + 1)
        good &= whole & (text[at] == _HISTORY)
        size, at, whole = _varints(text, at + 1)
        good &= whole & (at + size == ends)
        starts = np.empty((len(payloads), len(self._keys)), np.int64)
        stops = np.empty_like(starts)
        for place, head in enumerate(self._heads):
            starts[:, place], at, fits = _item(text, at, head)
            stops[:, place] = at
            good &= fits
        good &= _ends_with_step(text, at, ends)
        rows = len(payloads) if good.all() else int(good.argmin())
        flat = _numbers(text, starts[:rows], stops[:rows])
        rows = len(flat) // len(self._keys)
        columns = {key: flat[place :: len(self._keys)] for place, key in enumerate(self._keys)}
        steps = [step for step in columns["_step"] if isinstance(step, int)]
        return RowBlock(nums[:rows].tolist(), steps, columns) if rows and len(steps) == rows else None


def _head(key: str) -> bytes:
    """Return what our writer puts between the length of an item and that of its value."""
    return wire.delimited(b"\x12", key.encode()) + b"\x82\x01"


def _item(text: Bytes, at: Places, head: Bytes) -> tuple[Places, Places, Answers]:
    """Return where the values of the items at `at` begin and end, and which of them are numbers behind this head."""
    at = np.minimum(at, len(text) - len(_SLACK))  # for records that are known to be wrong
    width = len(head)
    everywhere = np.ndarray((len(text) - width - 2, width + 3), np.uint8, text, strides=(1, 1))
    front = everywhere[at]  # tag, length, head, length of the value
    size = front[:, -1].astype(np.int64)
    good = (front[:, 0] == _ITEM) & (front[:, 1] == width + 1 + size) & (size + width + 1 < 0x80)
    good &= (front[:, 2:-1] == head).all(axis=1)
    start = at + (width + 3)
    stop = start + size
    first, last = text[start], text[stop - 1]
    good &= (first >= _ZERO) & (first <= _NINE) | (first == _MINUS)
    good &= (last >= _ZERO) & (last <= _NINE)
    return start, stop, good


def _ends_with_step(text: Bytes, at: Places, ends: Places) -> Answers:
    """Return for which records exactly a step follows; its number is that of the item `_step`."""
    at = np.minimum(at, len(text) - len(_SLACK))
    size = text[at + 1]
    _, stop, whole = _varints(text, at + 3)
    number = whole & (text[at + 2] == _STEP_NUM) & (stop == ends)
    answer: Answers = (text[at] == _STEP) & (at + 2 + size == ends) & ((size == 0) | number)
    return answer


def _varints(text: Bytes, at: Places) -> tuple[Places, Places, Answers]:
    """Return the varints at `at`, the places behind them, and which of them were whole, in nine bytes or fewer."""
    value = np.zeros(len(at), np.int64)
    more = np.ones(len(at), np.bool_)
    for shift in range(0, 63, 7):
        byte = text[at]
        value |= np.where(more, (byte & 0x7F).astype(np.int64) << shift, 0)
        at = at + more
        more &= byte >= 0x80
        if not more.any():
            break
    return value, at, ~more


def _numbers(text: Bytes, starts: Places, stops: Places) -> list[float | int]:
    """Return the numbers in text[starts:stops], row by row, up to the first row with one that can't be decoded here."""
    text[starts - 1] = _COMMA  # in place of the value's length
    edges = np.stack((starts - 1, stops), axis=2).ravel()
    inside = np.repeat(np.arange(len(edges)) % 2 == 1, np.diff(edges, prepend=0))
    try:
        flat = orjson.loads(b"[" + text[: len(inside)][inside].tobytes()[1:] + b"]")
    except orjson.JSONDecodeError:
        return []
    if len(flat) != starts.size or not {float, int}.issuperset(map(type, flat)):
        return []
    numbers: list[float | int] = flat
    for large in np.flatnonzero(np.abs(np.array(flat, np.float64)) >= _BEYOND_INT64).tolist():
        if isinstance(flat[large], int):  # no point of a series holds it
            return numbers[: large - large % starts.shape[1]]
    return numbers
