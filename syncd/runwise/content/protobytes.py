"""Walk the fields of an encoded protobuf message by their numbers, without its schema.

For messages of stock tools of which runstore names only a few fields (record.proto), and passes on what else is there.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}


def fields_of(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field: an int for a varint, else bytes. Ends where the message is damaged."""
    at = 0
    try:
        while at < len(message):
            tag, at = _varint(message, at)
            kind = tag & 7
            if kind == VARINT:
                value, at = _varint(message, at)
                yield tag >> 3, value
                continue
            size = _WIDTHS.get(kind, 0)
            if kind == DELIMITED:
                size, at = _varint(message, at)
            elif not size:
                return
            if at + size > len(message):
                return
            yield tag >> 3, message[at : at + size]
            at += size
    except IndexError:
        return


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and the place behind it; raises IndexError where the message ends inside."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
