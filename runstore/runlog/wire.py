"""Encode history rows straight into protobuf bytes: the one path that a training loop pays for.

A row's cost is the formatting of its floats. All values of a row are formatted by one call of orjson and the result
is split at the commas; what stands before each value (tags, lengths, the key) is made once per key and length and
kept. Whatever isn't plain numbers (NaN, strings, lists, ints beyond 64 bits) goes through `json`, value by value.

Everything here is checked against the generated protobuf code by a property test.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

Key = str | tuple[str, ...]  # of a value: its key, or inside nested dicts all keys, outermost first

RECORD_NUM = b"\x08"  # field 1, varint
_RECORD_HISTORY = b"\x12"  # field 2, length-delimited
_RECORD_FOOTER = b"\xb2\x01"  # field 22
_HISTORY_ITEM = b"\x0a"  # field 1
_HISTORY_STEP = b"\x12"  # field 2
_ITEM_NESTED_KEY = b"\x12"  # field 2
_ITEM_VALUE_JSON = b"\x82\x01"  # field 16
_ITEM_INTEGER = b"\x28"  # field 5, varint, zigzag
_ITEM_NUMBER = b"\x31"  # field 6, eight bytes
_LONGEST_NUMBER = 32  # characters; a float64 or int64 needs 24

_NUMERALS = b"0123456789.+-e,"  # what the JSON of numbers is made of; no other value's is of these alone


def varint(number: int) -> bytes:
    """Return a non-negative integer in protobuf's variable-length form."""
    if number < 1 << 7:
        return _ONE_BYTE[number]
    if number < 1 << 14:  # nearly every length, step and record number; the loop below takes three times as long
        return _CONTINUED[number & 0x7F] + _ONE_BYTE[number >> 7]
    if number < 1 << 21:
        return _CONTINUED[number & 0x7F] + _CONTINUED[number >> 7 & 0x7F] + _ONE_BYTE[number >> 14]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = [bytes([number]) for number in range(1 << 7)]
_CONTINUED = [bytes([number | 0x80]) for number in range(1 << 7)]  # seven bits of a number that has more
_NO_STEP = _HISTORY_STEP + b"\x00"
_STEP_FRONTS = [_HISTORY_STEP + bytes([1 + size]) + b"\x08" for size in range(11)]  # by the size of the number
_FOOTER_PENDING = varint(9001 << 3 | 2)


def numbered(num: int, body: bytes) -> bytes:
    """Return an encoded Record with its number in front."""
    return RECORD_NUM + varint(num) + body


def delimited(tag: bytes, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag + varint(len(content)) + content


class RowEncoder:
    """Encode rows of history items; remembers what stands before each key's value. For one thread at a time."""

    def __init__(self, typed: bool = False) -> None:
        """With `typed`, floats are written as eight bytes, which older stock tools can't read."""
        self._typed = typed
        self._fronts: dict[Key, list[bytes]] = {}

    def plain(self, row: Mapping[Any, object]) -> list[bytes] | None:
        """Return the encoded items of a flat row of plain numbers, in its order; None for any other row."""
        if self._typed or not row:
            return self._typed_items(row)
        return self.shape([*row]).items([*row.values()])

    def shape(self, keys: Sequence[Any]) -> RowShape:
        """Return the shape of rows of these Keys, in this order."""
        return RowShape(keys, [self._front(key) for key in keys], self._typed_items if self._typed else None)

    def _front(self, key: Key) -> list[bytes]:
        """Return what precedes a value of 0, 1, 2, ... characters of JSON in an item of `key`."""
        fronts = self._fronts.get(key)
        if fronts is None:
            head = _path(key) + _ITEM_VALUE_JSON
            fronts = [
                _HISTORY_ITEM + varint(len(head) + 1 + size) + head + varint(size)
                for size in range(_LONGEST_NUMBER + 1)
            ]
            self._fronts[key] = fronts
        return fronts

    def _typed_items(self, row: Mapping[Any, object]) -> list[bytes] | None:
        items = []
        for key, value in row.items():
            head = _path(key)
            if type(value) is float:
                items.append(delimited(_HISTORY_ITEM, head + _ITEM_NUMBER + struct.pack("<d", value)))
            elif type(value) is int and -(1 << 63) <= value < 1 << 63:
                zigzag = value << 1 if value >= 0 else (-value << 1) - 1
                items.append(delimited(_HISTORY_ITEM, head + _ITEM_INTEGER + varint(zigzag)))
            else:
                return None
        return items


class RowShape:
    """Rows of the same keys in the same order: what stands around their values is made once. For one thread at a time.

    This is what a training loop pays for.
    """

    def __init__(
        self,
        keys: Sequence[Any],
        fronts: list[list[bytes]],
        typed_items: Callable[[Mapping[Any, object]], list[bytes] | None] | None,
    ) -> None:
        """Use RowEncoder.shape."""
        self.keys = keys
        self._fronts = fronts
        self._typed_items = typed_items
        self._pieces = [b""] * (2 * len(fronts) + 1)  # front, value, front, value, ..., step: filled anew for each row

    def record(self, values: list[object], step: int) -> bytes | None:
        """Return the body of the history record of a row; None where not all values are plain numbers."""
        if self._typed_items is not None:
            items = self._typed_items(dict(zip(self.keys, values, strict=True)))
            return None if items is None else history(items, step)
        try:
            text = orjson.dumps(values)
        except orjson.JSONEncodeError:  # an integer beyond 64 bits, a type of some library
            return None
        if text.translate(None, _NUMERALS) != b"[]":  # a string, a list, or null: orjson's word for NaN
            return None
        texts = text[1:-1].split(b",")
        pieces = self._pieces
        pieces[1::2] = texts  # a ValueError here would mean values of other keys
        pieces[:-1:2] = [front[len(text)] for front, text in zip(self._fronts, texts)]  # noqa: B905 - as many
        pieces[-1] = _step(step)
        content = b"".join(pieces)
        return _RECORD_HISTORY + varint(len(content)) + content

    def items(self, values: list[object]) -> list[bytes] | None:
        """Return the encoded items of a row one by one; None where not all values are plain numbers."""
        if self.record(values, 0) is None:
            return None
        return [front + text for front, text in zip(self._pieces[:-1:2], self._pieces[1::2], strict=True)]


def item(key: Key, value: object) -> bytes:
    """Return one encoded history item; `value` is anything that `dumps` takes."""
    return delimited(_HISTORY_ITEM, _path(key) + delimited(_ITEM_VALUE_JSON, _json(value)))


def _json(value: object) -> bytes:
    if type(value) is str:
        try:
            return orjson.dumps(value)  # says the same as `dumps`, ten times as fast
        except orjson.JSONEncodeError:  # lone surrogates
            pass
    return _utf8(dumps(value))


def _path(key: Key) -> bytes:
    path = (key,) if isinstance(key, str) else key
    return b"".join(delimited(_ITEM_NESTED_KEY, _utf8(name)) for name in path)


def history(items: Iterable[bytes], step: int) -> bytes:
    """Return the body of a history record."""
    content = _history_content(items, step)
    return _RECORD_HISTORY + varint(len(content)) + content


def pending(items: Iterable[bytes], step: int) -> bytes:
    """Return the body of a footer record that keeps a row which may still be merged with more of the same step."""
    return delimited(_RECORD_FOOTER, delimited(_FOOTER_PENDING, _history_content(items, step)))


def _history_content(items: Iterable[bytes], step: int) -> bytes:
    return b"".join((*items, _step(step)))


def _step(step: int) -> bytes:
    if not step:
        return _NO_STEP
    number = varint(step)
    return _STEP_FRONTS[len(number)] + number


def dumps(value: object) -> str:
    """Return JSON as W&B's tools write it: NaN and the infinities as bare words, text unescaped, no spaces.

    An integer beyond 64 bits becomes a float, since readers in other languages can't hold it.
    Raises TypeError and ValueError where `value` is not made of JSON's types, is circular, or too deep.
    """
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        value = _as_float(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _utf8(text: str) -> bytes:
    """Return UTF-8; lone surrogates, which protobuf strings can't hold, become question marks."""
    return text.encode("utf-8", "replace")
