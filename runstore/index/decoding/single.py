"""Decode one row at a time where its like was seen before: what a live log gets, a record a second.

A row with the same keys in the same order as an earlier one has the same bytes but for its numbers and a few lengths.
So there is nothing to be decoded but these: a quarter of the cost of protobuf. Whatever is different is left to it.
"""

from __future__ import annotations

import orjson

from runstore.core.keys import Key, key_of
from runstore.core.logfold import Row
from runstore.index.decoding.items import HISTORY, ITEM, STEP, STEP_NUM
from runstore.runlog import codec
from runstore.runlog.record_pb2 import HistoryItem

_MOST_SHAPES = 4
_JSON = b"\x82\x01"


class RowShapes:
    """The latest shapes of rows. `learn` is for rows that had none, and does so the seldomer the more there are."""

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []
        self._misses = 0

    def row(self, payload: bytes) -> tuple[int, Row] | None:
        """Return the number and the row of a history record; None where it must be decoded by protobuf."""
        if not self._shapes or payload[:1] != b"\x08":
            return None
        try:
            num, at = _varint(payload, 1)
            if payload[at] != HISTORY:
                return None
            size, at = _varint(payload, at + 1)
            if at + size != len(payload):
                return None
            for place, shape in enumerate(self._shapes):
                row = shape.row(payload, at)
                if row is not None:
                    if place:
                        self._shapes.insert(0, self._shapes.pop(place))
                    return num, row
        except IndexError:
            pass
        return None

    def learn(self, payload: bytes) -> None:
        """Take up the shape of a record that `row` returned None for, at its second, fourth, eighth like."""
        self._misses += 1
        if self._misses & (self._misses - 1) or self._misses == 1:
            return
        shape = _Shape.of(payload)
        if shape is not None:
            self._shapes = [shape, *self._shapes[: _MOST_SHAPES - 1]]


class _Shape:
    """The keys of a row, and the bytes that name them."""

    def __init__(self, keys: list[Key], heads: list[bytes]) -> None:
        self._keys = keys
        self._heads = [(head, 2 + len(head)) for head in heads]

    @classmethod
    def of(cls, payload: bytes) -> _Shape | None:
        record = codec.decode(payload)
        if record is None or not record.HasField("history"):
            return None
        keys: list[Key] = []
        heads: list[bytes] = []
        for item in record.history.item:
            path = codec.path_of(item)
            if not item.nested_key or item.key or not item.value_json or item.WhichOneof("value") is not None:
                return None
            keys.append(key_of(path))
            heads.append(HistoryItem(nested_key=item.nested_key).SerializeToString() + _JSON)
        return cls(keys, heads) if "_step" in keys and len(set(keys)) == len(keys) else None

    def row(self, payload: bytes, at: int) -> Row | None:
        """Return the row whose items begin at `at`; raises IndexError where the record is shorter."""
        texts = []
        for head, width in self._heads:
            size_at = at + width
            if payload[at] != ITEM or payload[at + 2 : size_at] != head:
                return None
            stop = size_at + 1 + payload[size_at]
            # Both lengths have one byte: a longer item is none of these.
            if payload[at + 1] != stop - at - 2 or stop - at >= 0x80:
                return None
            texts.append(payload[size_at + 1 : stop])
            at = stop
        if not _ends_with_step(payload, at):
            return None
        try:
            numbers = orjson.loads(b"[" + b",".join(texts) + b"]")
        except orjson.JSONDecodeError:
            return None
        if len(numbers) != len(texts) or not {float, int}.issuperset(map(type, numbers)):
            return None
        row = dict(zip(self._keys, numbers, strict=True))
        return row if type(row["_step"]) is int else None


def _ends_with_step(payload: bytes, at: int) -> bool:
    """Whether nothing follows, or exactly a step; what it says does not matter to a row that says `_step`."""
    if at == len(payload):
        return True
    number = payload[at + 3 :]
    if payload[at] != STEP or at + 2 + payload[at + 1] != len(payload) or payload[at + 2] != STEP_NUM:
        return False
    return len(number) <= 9 and number[-1] < 0x80 and all(byte >= 0x80 for byte in number[:-1])


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """Return the varint at `at`, and the place behind it; raises IndexError where it has more than nine bytes."""
    byte = payload[at]
    value = byte & 0x7F
    for shift in range(7, 64, 7):
        at += 1
        if byte < 0x80:
            return value, at
        byte = payload[at]
        value |= (byte & 0x7F) << shift
    raise IndexError
