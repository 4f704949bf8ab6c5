"""Digest a growing log so that both ends of a wire can prove that they hold the same bytes. No I/O here.

    segment_k = SHA-256 of the k-th 1 MiB of the log       (sealed: it never changes again)
    chain_0   = 32 zero bytes
    chain_k   = SHA-256(chain_{k-1} + segment_k)           (binds every sealed byte, in order)
    open      = SHA-256 of the bytes after the last sealed segment, of b"" where there are none

A `Mark` is (size, chain, open). Two equal marks prove two equal byte strings, and the state that continues one is of
constant size: the chain, and fewer than 1 MiB of the log to be read again. So a log is hashed once, however long it
grows and however often its writer, its sender or its receiver is started anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# Small enough that re-reading the open segment at a restart costs a millisecond, large enough that a chain step
# (64 bytes hashed) is free beside it. Part of the protocol: changing it makes every kept chain useless.
SEGMENT_BYTES = 1 << 20

_CHAIN_START = bytes(32)


@dataclass(frozen=True)
class Mark:
    """What one side holds of a log: its size in bytes, the chain and the open segment's digest, both as hex."""

    size: int
    chain: str
    open_digest: str


class SegmentDigest:
    """The digest of a log's first `size` bytes, extended by `update` in pieces of any length."""

    def __init__(self) -> None:
        self._size = 0
        self._chain = _CHAIN_START
        self._open = hashlib.sha256()

    @classmethod
    def resume(cls, size: int, chain: str, open_bytes: bytes) -> SegmentDigest:
        """Return the digest that stood at `size` with `chain`; `open_bytes` are the last `open_length(size)` bytes.

        Raises ValueError where the chain is not 64 hex digits or the length of `open_bytes` does not fit `size`.
        """
        state = cls()
        state._chain = bytes.fromhex(chain)
        if len(state._chain) != 32 or size < 0 or len(open_bytes) != open_length(size):
            raise ValueError(f"no digest of {size} bytes has chain {chain!r} and {len(open_bytes)} open bytes")
        state._size = size
        state._open.update(open_bytes)
        return state

    @property
    def size(self) -> int:
        """How many bytes were digested."""
        return self._size

    @property
    def chain(self) -> str:
        """The chain over the sealed segments, as hex."""
        return self._chain.hex()

    @property
    def open_digest(self) -> str:
        """The digest of the open segment, as hex."""
        return self._open.hexdigest()

    def mark(self) -> Mark:
        """Return the present state as the value that both sides compare."""
        return Mark(self._size, self.chain, self.open_digest)

    def copy(self) -> SegmentDigest:
        """Return an independent digest in the same state: for bytes that may yet be refused."""
        twin = SegmentDigest()
        twin._size, twin._chain, twin._open = self._size, self._chain, self._open.copy()
        return twin

    def update(self, data: bytes | memoryview) -> None:
        """Append `data` to what is digested, sealing every segment that it fills."""
        view = memoryview(data)
        while view:
            piece = view[: SEGMENT_BYTES - open_length(self._size)]
            self._open.update(piece)
            self._size += len(piece)
            view = view[len(piece) :]
            if open_length(self._size) == 0:
                self._seal()

    def _seal(self) -> None:
        self._chain = hashlib.sha256(self._chain + self._open.digest()).digest()
        self._open = hashlib.sha256()


def open_length(size: int) -> int:
    """Return how many of a log's `size` bytes lie in the open segment: 0 where a segment has just been sealed."""
    return size % SEGMENT_BYTES


EMPTY_MARK = SegmentDigest().mark()
"""The mark of a log of which nothing is held."""
