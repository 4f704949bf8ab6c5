"""Hash bytes while they are copied: each hash in a thread of its own, since hashing is what takes the time.

hashlib lets go of the interpreter's lock, so with two processors a file costs what its slowest hash costs, not the sum
of all hashes and the copying. Blocks wait in short queues: memory stays constant, however large the file is.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

_WAITING_BLOCKS = 2  # for each hash, so that a slow moment of one thread does not hold up the others


class Hasher(Protocol):
    """A hash to which bytes are added."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""


@contextlib.contextmanager
def hashed_aside(hashers: Sequence[Hasher]) -> Iterator[Callable[[bytes], None]]:
    """Yield a function that adds a block to all of these; at the end, all blocks have been added.

    Where no thread can be started, as when the interpreter ends, the blocks are added at once.
    """
    lanes: list[_Lane] = []
    try:
        for hasher in hashers:
            lanes.append(_Lane(hasher))
        yield lambda block: _to_all(lanes, block)
    finally:
        for lane in lanes:
            lane.end()


def _to_all(lanes: list[_Lane], block: bytes) -> None:
    for lane in lanes:
        lane.add(block)


class _Lane:
    """One hash and the thread that feeds it."""

    def __init__(self, hasher: Hasher) -> None:
        self.add: Callable[[bytes], object] = hasher.update
        self._update = hasher.update
        self._blocks: queue.Queue[bytes] = queue.Queue(_WAITING_BLOCKS)
        self._thread: threading.Thread | None = threading.Thread(target=self._feed, name="runstore-hash", daemon=True)
        try:
            self._thread.start()
            self.add = self._blocks.put
        except RuntimeError:  # no more threads are allowed, or the interpreter ends
            self._thread = None

    def _feed(self) -> None:
        while block := self._blocks.get():
            self._update(block)

    def end(self) -> None:
        """Wait until all blocks were added."""
        if self._thread is not None:
            self._blocks.put(b"")
            self._thread.join()
