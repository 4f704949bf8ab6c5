"""The records of an event file, read while another thread or process is still writing it.

A file is a row of records: length (8 bytes), its checksum, data, its checksum; the checksum is CRC-32C, turned by 15
bits and masked. The end of the file means "not yet": a record that is cut off is read when its last byte has arrived.
Damage ends the reading of a file, since nothing in it tells where the next record begins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_HEAD = struct.Struct("<QI")
_SUM = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # of CRC-32C, reflected
_MASK = 0xA282EAD8
# Beyond this only the length's checksum is compared: it takes 0.1 us a byte here, and a picture's bytes have their own.
_CHECKED_BYTES = 16_384
_READ_BYTES = 1 << 20


class DamagedRecords(Exception):
    """An event file is damaged: where, and what was read before."""


class RecordFile:
    """One event file, read on from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0  # of the records that were read
        self._offset = 0

    def new(self) -> Iterator[bytes]:
        """Yield the data of each record that is whole by now. Raises OSError, and DamagedRecords."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            buffer = b""
            while more := file.read(_READ_BYTES):
                buffer += more
                at = 0
                while (end := self._end_of_record(buffer, at)) is not None:
                    data = self._checked(buffer[at + _HEAD.size : end - _SUM.size], buffer[end - _SUM.size : end])
                    self._offset += end - at
                    self.count += 1
                    at = end
                    yield data
                buffer = buffer[at:]

    def _end_of_record(self, buffer: bytes, at: int) -> int | None:
        """Return where the record that begins at `at` ends; None where it goes on beyond the buffer."""
        if at + _HEAD.size > len(buffer):
            return None
        length, checksum = _HEAD.unpack_from(buffer, at)
        if _checksum(buffer[at : at + 8]) != checksum:
            raise self._damaged("the length of a record")
        end: int = at + _HEAD.size + length + _SUM.size
        return end if end <= len(buffer) else None

    def _checked(self, data: bytes, checksum: bytes) -> bytes:
        if len(data) <= _CHECKED_BYTES and _SUM.pack(_checksum(data)) != checksum:
            raise self._damaged("a record")
        return data

    def _damaged(self, what: str) -> DamagedRecords:
        return DamagedRecords(
            f"{self.path}: checksum mismatch of {what} at offset {self._offset:,}; what stands before it is recorded"
        )


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _table()


def _checksum(data: bytes) -> int:
    """Return the masked CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
