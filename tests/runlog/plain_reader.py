"""A second reader of the format, written for the tests alone: short, slow, and strict about every byte."""

from __future__ import annotations

import zlib


def plain_read(data: bytes) -> list[bytes]:
    """Return the payloads of all records in `data`, a whole and undamaged log; asserts what it finds."""
    assert data[:7] == b":W&B\xe1\xbe\x00"
    records: list[bytes] = []
    open_record: bytes | None = None
    at = 7
    while at < len(data):
        room = 32768 - at % 32768
        if room < 7:
            assert data[at : at + room] == bytes(room)[: len(data) - at]
            at += room
            continue
        crc = int.from_bytes(data[at : at + 4], "little")
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        kind = data[at + 6]
        payload = data[at + 7 : at + 7 + length]
        assert len(payload) == length <= room - 7
        assert crc == zlib.crc32(bytes([kind]) + payload)
        assert (open_record is None) == (kind in (1, 2))
        open_record = (open_record or b"") + payload
        if kind in (1, 4):
            records.append(open_record)
            open_record = None
        at += 7 + length
    assert open_record is None
    return records
