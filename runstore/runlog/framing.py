"""The framing of a run log: records cut into checksummed chunks, chunks into blocks. No I/O here.

    file   = header(7) block*
    block  = chunk* padding           32,768 bytes at absolute offsets; the header lies inside block 0
    chunk  = crc32(4) length(2) type(1) payload(length)
    record = FULL | FIRST MIDDLE* LAST

Integers are little-endian. The checksum is the plain zlib CRC-32 over the type byte and the payload. Where fewer
than 7 bytes are left in a block they are padding; where exactly 7 are left, an empty FIRST chunk fills them.

The layout is LevelDB's, with another checksum and a file header; docs/run_log.md has a worked example.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import Enum

from runstore.errors import FutureLogVersion, NotALog
from runstore.runlog.payloads import Payloads

MAGIC = b":W&B\xe1\xbe"
VERSION = 0
FILE_HEADER = MAGIC + bytes([VERSION])
BLOCK_BYTES = 32_768
CHUNK_HEADER_BYTES = 7

FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
_CHUNK_HEADER = struct.Struct("<IHB")
# crc32(type + payload) == crc32(payload, crc32(type)): saves joining the two for every chunk.
_CRC_OF_TYPE = {kind: zlib.crc32(bytes([kind])) for kind in (FULL, FIRST, MIDDLE, LAST)}
_CRC_OF_FULL = _CRC_OF_TYPE[FULL]


def frame(payload: bytes, offset: int) -> bytes:
    """Return the bytes that put `payload` into a log whose end is at absolute `offset`, padding included."""
    left = BLOCK_BYTES - offset % BLOCK_BYTES
    length = len(payload)
    if length + CHUNK_HEADER_BYTES <= left:  # nearly every record
        return _CHUNK_HEADER.pack(zlib.crc32(payload, _CRC_OF_FULL), length, FULL) + payload
    parts = []
    if left < CHUNK_HEADER_BYTES:
        parts.append(bytes(left))
        left = BLOCK_BYTES
    at, first, last = 0, True, False
    while not last:
        piece = payload[at : at + left - CHUNK_HEADER_BYTES]  # empty where exactly a header fits
        at += len(piece)
        last = at == length
        kind = (FULL if last else FIRST) if first else (LAST if last else MIDDLE)
        parts.append(_CHUNK_HEADER.pack(zlib.crc32(piece, _CRC_OF_TYPE[kind]), len(piece), kind) + piece)
        left, first = BLOCK_BYTES, False
    return b"".join(parts)


@dataclass(frozen=True)
class Framed:
    """One whole record: its payload, and the half-open byte range [start, end) of its chunks in the file."""

    payload: bytes
    start: int
    end: int


class Why(Enum):
    """Why bytes were skipped."""

    DAMAGED = "damaged"  # a checksum, a length or a type that can't be right, or chunks without their beginning
    TORN = "torn"  # the file ends inside a record: its writer was killed, or is not done yet
    HEADER = "header"  # the file header alone: no record is lost


@dataclass(frozen=True)
class Lost:
    """The half-open byte range [start, end) of the file, in which no whole record could be found."""

    start: int
    end: int
    why: Why

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start


class Deframer:
    """Find the records in a run log that is fed to it in pieces, in order.

    `next()` returns a Framed record, a Lost range, or None where that can't be told from the bytes so far. Nothing is
    ever guessed: a record is returned only if each of its chunks has a right checksum. After damage, reading goes on
    at the chunk that the damaged one's length points to if that one's checksum is right, else at the next block.

    `offset` is the place up to which everything has been returned, as records or as losses; a new Deframer that
    begins there goes on without repeating or missing anything.
    """

    def __init__(self, name: str, offset: int = 0, is_patient: bool = False) -> None:
        """Begin at `offset`: 0 or an earlier Deframer's `offset`. `name` is the file's name, for messages.

        A patient one never goes on behind damage: it is `is_held` there, since what looks like damage in a file that
        another machine writes may be content that comes later than the file's size.
        """
        self._name = name
        self.is_held = False
        self._is_patient = is_patient
        self._buffer = b""
        self._base = offset  # absolute offset of _buffer[0]
        self._at = offset  # absolute offset of the next chunk
        self._payload = b""  # of the chunk that was read last
        self._parts: list[bytes] = []  # payloads of a record that has begun and not ended
        self._record_start = -1
        self._lost_start = -1  # where the skipped bytes began; -1 when nothing is being skipped
        self._ended = False

    @property
    def offset(self) -> int:
        """Absolute offset before which all is settled."""
        if self._lost_start >= 0:
            return self._lost_start
        return self._record_start if self._parts else self._at

    @property
    def fed(self) -> int:
        """Absolute offset of the next byte that `feed` wants."""
        return self._base + len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add the bytes at `fed`."""
        done = min(self._at - self._base, len(self._buffer))
        self._buffer = self._buffer[done:] + data
        self._base += done

    def end(self) -> None:
        """Say that the file ends here: what `next` left open becomes a loss."""
        self._ended = True

    def next(self) -> Framed | Lost | None:
        """Return the next record or loss, or None; may be called again after `feed` or `end`.

        Raises NotALog and FutureLogVersion, at the beginning of a file only.
        """
        if self._at == 0:
            return self._file_header()
        while True:
            at = self._at
            left = BLOCK_BYTES - at % BLOCK_BYTES
            if left < CHUNK_HEADER_BYTES:
                if self.fed < at + left:
                    return self._at_the_end()
                self._at = at + left
                continue
            chunk = self._chunk(at, left)
            if chunk is None:
                return self._at_the_end()
            kind, end = chunk
            if kind == _BAD and self._is_patient:
                self.is_held = True
                return None
            if kind == _BAD:
                onward = self._behind_damage(at, left, end)
                if onward is None:
                    return self._at_the_end()
                self._skip(at)
                self._at = onward
                continue
            event = self._take(kind, at, end)
            if event is not None:
                return event

    def loss_beyond(self, until: int) -> Lost | None:
        """Return what is being skipped as a loss of its own, if it has come beyond `until`; what follows is another."""
        if self._lost_start < 0 or self._at < until:
            return None
        lost = Lost(self._lost_start, self._at, Why.DAMAGED)
        self._lost_start = -1
        return lost

    def next_many(self, until: int, found: Payloads) -> None:
        """Add to `found` the intact records that come next and begin before `until`, at a fifth of the cost.

        Adds none where `next` has to look: at damage, at a record in several chunks, at the end of what was fed.
        """
        if self._at == 0 or self._parts or self._lost_start >= 0:
            return
        buffer, base = self._buffer, self._base
        while self._at < until:
            at = self._at - base
            block_end = at + BLOCK_BYTES - self._at % BLOCK_BYTES
            sizes = _sizes_of_records(buffer, at, min(block_end, len(buffer)), until - base)
            end = at + sum(sizes) + CHUNK_HEADER_BYTES * len(sizes)
            if sizes:
                found.add_chunks(memoryview(buffer)[at:end], sizes)
            is_padding = block_end - end < CHUNK_HEADER_BYTES and block_end <= len(buffer)
            self._at = base + (block_end if is_padding else end)
            if not is_padding:
                return

    def _chunk(self, at: int, left: int) -> tuple[int, int] | None:
        """Return the type of the chunk at `at`, or _BAD, and where it ends; None if it is not all there yet."""
        place = at - self._base
        if len(self._buffer) < place + CHUNK_HEADER_BYTES:
            return None
        crc, length, kind = _CHUNK_HEADER.unpack_from(self._buffer, place)
        end = at + CHUNK_HEADER_BYTES + length
        if CHUNK_HEADER_BYTES + length > left:
            return _BAD, end
        if self.fed < end:
            return None
        payload = self._buffer[place + CHUNK_HEADER_BYTES : end - self._base]
        if crc != zlib.crc32(payload, _CRC_OF_TYPE.get(kind, 0)) or kind not in _CRC_OF_TYPE:
            return _BAD, end
        self._payload = payload
        return kind, end

    def _behind_damage(self, at: int, left: int, end: int) -> int | None:
        """Return where to go on after the bad chunk [at, end), or None if the bytes that tell are not there yet."""
        block_end = at + left
        if end + CHUNK_HEADER_BYTES <= block_end:
            following = self._chunk(end, block_end - end)
            if following is None and not self._ended:
                return None
            if following is not None and following[0] != _BAD:
                return end
        # On a network file system a block's size may arrive before its content: give up on it only once it is full.
        return block_end if self.fed >= block_end or self._ended else None

    def _take(self, kind: int, at: int, end: int) -> Framed | Lost | None:
        """Add the good chunk [at, end) to the record; return what that completes, if anything."""
        if kind in (FULL, FIRST):
            if self._parts:  # the record before this one never ended
                self._skip(self._record_start)
            if self._lost_start >= 0:  # returned first; this chunk is read again at the next call
                lost = Lost(self._lost_start, at, Why.DAMAGED)
                self._lost_start = -1
                return lost
            self._at = end
            if kind == FULL:
                return Framed(self._payload, at, end)
            self._record_start, self._parts = at, [self._payload]
            return None
        self._at = end
        if not self._parts:
            self._skip(at)
            return None
        self._parts.append(self._payload)
        if kind == MIDDLE:
            return None
        record = Framed(b"".join(self._parts), self._record_start, end)
        self._parts = []
        return record

    def _skip(self, start: int) -> None:
        """Count everything from `start`, or from the beginning of the open record, as lost."""
        if self._lost_start < 0:
            self._lost_start = self._record_start if self._parts else start
        self._parts = []

    def _at_the_end(self) -> Lost | None:
        """Return what is left over when the file has ended, once."""
        if not self._ended or self.offset >= self.fed:
            return None
        # Fewer bytes than a chunk header at the end of a block are padding, not a record.
        padding = self._lost_start < 0 and not self._parts and BLOCK_BYTES - self._at % BLOCK_BYTES < CHUNK_HEADER_BYTES
        lost = Lost(self.offset, self.fed, Why.TORN if self._lost_start < 0 else Why.DAMAGED)
        self._at, self._parts, self._lost_start = self.fed, [], -1
        return None if padding else lost

    def _file_header(self) -> Framed | Lost | None:
        head = self._buffer[: len(FILE_HEADER)]
        if head == FILE_HEADER:
            self._at = len(FILE_HEADER)
            return self.next()
        if len(head) < len(FILE_HEADER) and FILE_HEADER.startswith(head):
            if self._ended and head:
                self._at = self.fed
                return Lost(0, self.fed, Why.TORN)
            return None
        if self._is_patient and FILE_HEADER.startswith(head.rstrip(b"\0")):
            self.is_held = True
            return None
        if head.startswith(MAGIC):
            raise FutureLogVersion(
                f"{self._name}: written in version {head[-1]} of the run log format, this runstore knows version "
                f"{VERSION}; nothing was changed. Upgrade: pip install --upgrade runstore"
            )
        # Not our magic: still a log if a good chunk follows, so that a flipped bit here costs nothing.
        chunk = self._chunk(len(FILE_HEADER), BLOCK_BYTES - len(FILE_HEADER))
        if chunk is None and not self._ended and len(head) == len(FILE_HEADER):
            return None
        if not self._has_a_good_chunk(chunk):
            raise NotALog(f"{self._name}: is not a run log; a run log begins with the bytes {FILE_HEADER.hex(' ')}")
        self._at = len(FILE_HEADER)
        return Lost(0, len(FILE_HEADER), Why.HEADER)

    def _has_a_good_chunk(self, first: tuple[int, int] | None) -> bool:
        """Return whether the first chunk is right, or the one behind it, or one at the beginning of a block.

        Looks as far as the file was fed by now, which is a megabyte, or all that there is.
        """
        if first is not None and first[0] != _BAD:
            return True
        places = list(range(BLOCK_BYTES, self.fed, BLOCK_BYTES))
        if first is not None and first[1] + CHUNK_HEADER_BYTES <= BLOCK_BYTES:
            places.insert(0, first[1])
        chunks = (self._chunk(place, BLOCK_BYTES - place % BLOCK_BYTES) for place in places)
        return any(chunk is not None and chunk[0] != _BAD for chunk in chunks)


_BAD = -1


def _sizes_of_records(buffer: bytes, at: int, limit: int, stop: int) -> list[int]:
    """Return the sizes of intact records that follow one another from `at`, begin before `stop` and end by `limit`."""
    sizes: list[int] = []
    # Looked up once: this loop is a fifth of what reading a log costs.
    unpack, crc32, add = _CHUNK_HEADER.unpack_from, zlib.crc32, sizes.append
    stop = min(stop, limit - CHUNK_HEADER_BYTES + 1)
    while at < stop:
        crc, length, kind = unpack(buffer, at)
        start = at + CHUNK_HEADER_BYTES
        at = start + length
        if kind != FULL or at > limit or crc != crc32(buffer[start:at], _CRC_OF_FULL):
            break
        add(length)
    return sizes
