"""A reader of damaged logs that is slow and obvious: which records of a file can be proven to be intact.

It shares no code with runstore. A record is proven if each of its chunks has a right checksum and they follow one
another. After damage, reading goes on at the chunk to which the damaged one's length points, if that one's checksum
is right; else at the next block of 32 KiB.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


class Chunk(NamedTuple):
    is_good: bool
    is_whole: bool  # its bytes are all in the file, or it can't be right anyway
    kind: int
    payload: bytes
    end: int


def chunk_at(data: bytes, at: int) -> Chunk:
    """Return what stands at `at`, where seven bytes of a header are."""
    crc = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
    length = data[at + 4] + 256 * data[at + 5]
    kind = data[at + 6]
    end = at + 7 + length
    fits = at % BLOCK + 7 + length <= BLOCK
    whole = not fits or end <= len(data)
    payload = data[at + 7 : end]
    right = crc == zlib.crc32(bytes([kind]) + payload)
    return Chunk(fits and whole and right and kind in (1, 2, 3, 4), whole, kind, payload, end)


def has_header(data: bytes, at: int) -> bool:
    """Whether a chunk may begin at `at`: seven bytes are left in its block, and in the file."""
    return BLOCK - at % BLOCK >= 7 and at + 7 <= len(data)


def provable(data: bytes) -> list[bytes]:
    """Return the payloads of the records that are proven to be intact, in the order of the file."""
    records: list[bytes] = []
    begun: bytes | None = None  # what there is of a record that has not ended
    at = 7
    while at < len(data):
        block_end = at - at % BLOCK + BLOCK
        if block_end - at < 7:  # padding
            at = block_end
            continue
        if not has_header(data, at):
            break
        chunk = chunk_at(data, at)
        if not chunk.is_whole:
            break
        if not chunk.is_good:
            begun = None
            onward = chunk.end if chunk.end < block_end and has_header(data, chunk.end) else block_end
            if onward != block_end and not chunk_at(data, onward).is_good:
                onward = block_end
            at = onward
            continue
        at = chunk.end
        if chunk.kind in (FULL, FIRST):
            begun = chunk.payload
        elif begun is not None:
            begun += chunk.payload
        if chunk.kind in (FULL, LAST) and begun is not None:
            records.append(begun)
        if chunk.kind in (FULL, LAST):
            begun = None
    return records


def is_log(data: bytes) -> bool:
    """Whether anything shows that a file is a run log: its header, or a right chunk where one must begin."""
    if data[:7] == b":W&B\xe1\xbe\x00":
        return True
    places = [7, *range(BLOCK, min(len(data), 1 << 20), BLOCK)]
    if has_header(data, 7):
        places.insert(1, chunk_at(data, 7).end)
    return any(has_header(data, place) and chunk_at(data, place).is_good for place in places)
