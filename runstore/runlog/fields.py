"""Protobuf messages without their definitions: the fields by number, as they stand on the wire.

For messages of others, of which runstore defines nothing, or (record.proto) few fields, and passes on what is there.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import TypeAlias

# Varints as they are, of 64 and 32 bits the bytes, of strings and messages the content; in order of appearance.
Fields: TypeAlias = dict[int, list[int | bytes]]

_VARINT, _WORD, _CONTENT, _HALF = 0, 1, 2, 5
_WIDTHS = {_WORD: 8, _HALF: 4}


class NotAMessage(ValueError):
    """Bytes that are no protobuf message."""


def each_field(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field, in order; raises NotAMessage where the message ends to be one."""
    at = 0
    try:
        while at < len(data):
            tag, at = _varint(data, at)
            kind = tag & 7
            if kind == _VARINT:
                value, at = _varint(data, at)
                yield tag >> 3, value
                continue
            size, at = _varint(data, at) if kind == _CONTENT else (_WIDTHS[kind], at)
            if at + size > len(data):
                raise NotAMessage("a field goes beyond the message")
            yield tag >> 3, data[at : at + size]
            at += size
    except (IndexError, KeyError) as error:
        raise NotAMessage(str(error)) from error


def each_whole_field(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the same up to where a message is damaged."""
    with contextlib.suppress(NotAMessage):
        yield from each_field(data)


def fields(data: bytes) -> Fields:
    """Return a message's fields; raises NotAMessage."""
    found: Fields = {}
    for number, value in each_field(data):
        found.setdefault(number, []).append(value)
    return found


def content(message: Fields, number: int) -> bytes:
    """Return the last content of a field; empty where there is none."""
    value = message.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def contents(message: Fields, number: int) -> list[bytes]:
    """Return every content of a repeated field."""
    return [value for value in message.get(number, []) if isinstance(value, bytes)]


def text(message: Fields, number: int) -> str:
    """Return a field of text."""
    return content(message, number).decode("utf-8", "replace")


def integer(message: Fields, number: int) -> int:
    """Return a field of a signed integer, 0 where there is none."""
    value = message.get(number, [0])[-1]
    number = value if isinstance(value, int) else 0
    return number - (1 << 64) if number >> 63 else number


def doubles(message: Fields, number: int) -> list[float]:
    """Return a repeated field of float64, packed or not."""
    packed = b"".join(contents(message, number))
    return list(struct.unpack(f"<{len(packed) // 8}d", packed[: len(packed) // 8 * 8]))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        result |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise NotAMessage("a varint of more than ten bytes")
