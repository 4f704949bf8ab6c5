"""Compare bytes with what proves them, in a thread beside whoever reads, packs or writes them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from runstore.core.segments import SegmentDigest
from runstore.syncd.bundles.manifest import log_proof

# Less is digested sooner than another thread is woken.
_WORTH_BYTES = 64 << 10
_MOST_WAITING = 4  # pieces of bytes: enough to keep both busy, few enough to be no memory


class Check:
    """The digest of bytes, as their proof is: SHA-256, or the mark of a log from its beginning."""

    def __init__(self, proof: str) -> None:
        """`proof` is what is expected, as hex; of 128 digits it is that of a log."""
        self._expected = proof
        self._digest = SegmentDigest() if len(proof) == 128 else hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._digest.update(data)

    def holds(self) -> bool:
        """Return whether the bytes are the expected ones."""
        if isinstance(self._digest, SegmentDigest):
            return log_proof(self._digest.mark()) == self._expected
        return self._digest.hexdigest() == self._expected


class Beside:
    """A thread that digests what it is given, in order, while its owner goes on; a context manager."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def update(self, take: Callable[[bytes], None], data: bytes) -> None:
        """Have `take` called with bytes, which nobody changes any more; raises what an earlier call raised."""
        if len(data) < _WORTH_BYTES and not self._waiting:
            take(data)
            return
        self._waiting.append(self._pool.submit(take, data))
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft().result()

    def done(self) -> None:
        """Wait until all was taken."""
        while self._waiting:
            self._waiting.popleft().result()
