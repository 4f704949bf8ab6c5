"""Send the bytes of one log by offset, until the target's mark is our digest over as many bytes.

Each range, or stream, begins where the target says that it is. An answer that is another mark than expected is taken as
it is: somebody else ships too, or the target was set back, so it goes on from there. Receipts are not known here: what
was proven earlier comes as a digest, and what is proven now is in `proven`, whatever ends the sending.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from runstore.core.segments import SEGMENT_BYTES, Mark, SegmentDigest
from runstore.errors import RemoteConflict, RemoteError, StorageError
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.remotes.base import Remote

# Up to here a log is one request with a body of known length; more goes in streams, or in ranges to a target that
# takes none: long enough that round trips don't count at 100 ms, short enough to lose at a broken line.
ONE_REQUEST_BYTES = RANGE_BYTES = 4 << 20
STREAM_BYTES = 64 << 20  # proxies like to bound bodies at 100 MB
_PIECE_BYTES = 256 << 10
_DETOURS_MAX = 10  # answers that are another mark than expected, before it is no longer somebody else shipping too


class Sending:
    """The first `end` bytes of `log` on their way to `remote`; `progress` is told of each piece, and may end it."""

    def __init__(self, log: Path, log_id: str, end: int, remote: Remote, progress: Callable[[int], None]) -> None:
        self._log, self._log_id, self._end, self._remote, self._progress = log, log_id, end, remote, progress
        self._interruption: Interrupted | None = None
        self.bytes_sent = 0
        self.proven: SegmentDigest | None = None  # after the last piece of which the target's mark was ours
        self.notes: list[str] = []

    def send(self, file: int, mark: Mark, digest: SegmentDigest | None) -> SegmentDigest | None:
        """Send until the target's mark is ours at `end` or beyond; None where the file is shorter than that mark.

        `digest` is ours at some earlier place, if it is known: it is not hashed anew. Raises as `ship` does.
        """
        for _ in range(_DETOURS_MAX):
            digest = self._agree(file, mark, digest)
            if digest is None:
                return None
            while digest.size < self._end:
                mark, ahead = self._send_next(file, digest)
                if mark != ahead.mark():
                    break  # somebody else ships too, or the target was set back: begin again from what it has
                digest = self.proven = ahead
                if self._interruption is not None:
                    raise self._interruption
            else:
                return digest
        raise RemoteError(
            f"{self._remote.name}: answers with another place in {self._log} than it was sent, {_DETOURS_MAX} times "
            "over; nothing is lost, see that no other program delivers this log, then try again"
        )

    def _agree(self, file: int, mark: Mark, digest: SegmentDigest | None) -> SegmentDigest | None:
        """Return our digest at the target's size, proven equal to the target's; None where our file is shorter."""
        local = os.fstat(file).st_size
        if mark.size > local:
            self.notes.append(
                f"{self._log}: the source lost {mark.size - local:,} bytes that {self._remote.name} holds; "
                "they are safe there"
            )
            return None
        if digest is None or digest.size > mark.size:
            digest = SegmentDigest()
        _extend(digest, file, mark.size)
        if digest.mark() != mark:
            raise RemoteConflict(
                f"{self._remote.name} holds other bytes for this log: its {mark.size:,} bytes are not the first of "
                f"{self._log}; nothing was sent, and nothing there was changed"
            )
        return digest

    def _send_next(self, file: int, digest: SegmentDigest) -> tuple[Mark, SegmentDigest]:
        """Send what follows `digest`; return the target's mark, and the digest that it must have by then."""
        ahead = digest.copy()
        if self._end - digest.size > ONE_REQUEST_BYTES and self._remote.takes_streams():
            until = min(self._end, digest.size + STREAM_BYTES)
            return self._remote.append_stream(self._log_id, digest.size, self._pieces(file, ahead, until)), ahead
        data = self._read(file, digest.size, min(RANGE_BYTES, self._end - digest.size))
        ahead.update(data)
        mark = self._remote.append(self._log_id, digest.size, data)
        self._count(len(data))
        return mark, ahead

    def _pieces(self, file: int, ahead: SegmentDigest, until: int) -> Iterator[bytes]:
        """Yield the bytes up to `until`, or to an interruption; each is digested while the line carries it."""
        while ahead.size < until and self._interruption is None:
            data = self._read(file, ahead.size, min(_PIECE_BYTES, until - ahead.size))
            yield data
            ahead.update(data)
            self._count(len(data))

    def _read(self, file: int, offset: int, length: int) -> bytes:
        data = os.pread(file, length, offset)
        if not data:
            raise StorageError(
                f"{self._log}: ends at {offset:,}, before {self._end:,} where its last record ended a moment ago; "
                "what was delivered stays so"
            )
        return data

    def _count(self, size: int) -> None:
        """Count what was sent; where this is to end here, it does so with the request."""
        self.bytes_sent += size
        try:
            self._progress(size)
        except Interrupted as interruption:
            self._interruption = interruption


def _extend(digest: SegmentDigest, file: int, size: int) -> None:
    """Hash the file on to `size`, which it has; a reading that falls short shows as an unequal mark."""
    while digest.size < size:
        data = os.pread(file, min(SEGMENT_BYTES, size - digest.size), digest.size)
        if not data:
            return
        digest.update(data)
