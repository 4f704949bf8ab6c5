"""Ship one log to one target: bytes by offset until both sides have the same digest, then the files.

The target is asked for its mark first, always: its answer, not our receipt, says where to go on. So the loop can be
killed anywhere and run anew, and two shippers of the same log only waste bytes. Nothing here writes to the log.

Rules of this file: no sleeping, no clock but for the receipt's date, one pass; who wants to retry, does so outside.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from runstore.core.segments import SEGMENT_BYTES, Mark, SegmentDigest, open_length
from runstore.errors import RemoteConflict, RemoteError, StorageError
from runstore.syncd import receipts
from runstore.syncd.outgoing import FilesDelivered, lies_beside, ship_beside
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import Remote

RANGE_BYTES = 4 << 20  # long enough that round trips don't count at 100 ms, short enough to lose at a broken line
_DETOURS_MAX = 10  # answers that are another mark than expected, before it is no longer somebody else shipping too


@dataclass(frozen=True)
class Shipment:
    """What one call to `ship` did.

    `bytes_sent` are log bytes that this call sent, `records` the records that became delivered with it. `files_sent`,
    `file_bytes_sent` and `files_left`, which are not delivered, count blobs of artifacts as well. `verified` says that
    the target's digest over all that was to be delivered of the log is ours. `note` says what a person should know, ""
    where that is nothing.
    """

    bytes_sent: int
    records: int
    files_sent: int
    file_bytes_sent: int
    verified: bool
    files_left: int = 0
    note: str = ""


def ship(
    log: Path,
    log_id: str,
    end: int,
    records: int,
    remote: Remote,
    *,
    progress: Callable[[int], None] | None = None,
    count_records: Callable[[int, int], int] | None = None,
    beside: bool = True,
) -> Shipment:
    """Deliver the first `end` bytes of `log`, which hold `records` whole records, then what lies beside it.

    Sends only what the target lacks: a second call sends no log bytes, and reads no more than the open segment.
    Files and blobs are left to another time where `beside` is False.
    `progress` gets the bytes of each range that was taken, and those of files as they go. `count_records(from, to)`
    returns how many records end in those bytes; it is asked where neither the mark nor a receipt tells what was
    delivered before (without it, all of them count as delivered now).

    Raises RemoteConflict where the target holds other bytes for this log (nothing was sent then), and
    RemoteUnreachable, RemoteRefused, RemoteError as the target does; StorageError where the log ends before `end`,
    OSError where it can't be read.
    """
    return _Passage(log, log_id, end, records, remote, progress or _ignore, count_records, beside).run()


def _ignore(sent: int) -> None: ...


class _Passage:
    """One delivery on its way."""

    def __init__(
        self,
        log: Path,
        log_id: str,
        end: int,
        records: int,
        remote: Remote,
        progress: Callable[[int], None],
        count_records: Callable[[int, int], int] | None,
        beside: bool,
    ) -> None:
        self._log, self._log_id, self._end, self._records = log, log_id, end, records
        self._remote, self._progress, self._count_records = remote, progress, count_records
        self._beside = beside
        self._bytes_sent = 0
        self._notes: list[str] = []

    def run(self) -> Shipment:
        identity = self._remote.identity()
        receipt = receipts.load(self._log, self._log_id).get(identity)
        before = self._remote.mark(self._log_id)
        with self._log.open("rb", buffering=0) as file:
            digest = self._send(file.fileno(), before, receipt)
        new_records = 0
        if digest is not None:
            new_records = self._new_records(before.size, receipt)
            self._keep(identity, receipt, digest)
        files = self._ship_beside() if self._beside and lies_beside(self._log, self._end) else FilesDelivered()
        return Shipment(
            bytes_sent=self._bytes_sent,
            records=new_records,
            files_sent=files.sent,
            file_bytes_sent=files.bytes_sent,
            verified=digest is not None,
            files_left=files.left,
            note="; ".join(self._notes + files.notes),
        )

    def _send(self, file: int, mark: Mark, receipt: Receipt | None) -> SegmentDigest | None:
        """Send until the target's mark is ours at `end` or beyond; None where the file is shorter than that mark."""
        digest = _kept_digest(file, mark, receipt)
        for _ in range(_DETOURS_MAX):
            digest = self._agree(file, mark, digest)
            if digest is None:
                return None
            while digest.size < self._end:
                ahead = self._next_range(file, digest)
                mark = self._remote.append(self._log_id, digest.size, ahead.data)
                self._bytes_sent += len(ahead.data)
                if mark != ahead.digest.mark():
                    break  # somebody else ships too, or the target was set back: begin again from what it has
                self._progress(len(ahead.data))
                digest = ahead.digest
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
            self._notes.append(
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

    def _next_range(self, file: int, digest: SegmentDigest) -> _Range:
        data = os.pread(file, min(RANGE_BYTES, self._end - digest.size), digest.size)
        if not data:
            raise StorageError(
                f"{self._log}: ends at {digest.size:,}, before {self._end:,} where its last record ended a moment ago; "
                "what was delivered stays so"
            )
        ahead = digest.copy()
        ahead.update(data)
        return _Range(data, ahead)

    def _new_records(self, start: int, receipt: Receipt | None) -> int:
        """Return how many records this passage delivered, given that the target held `start` bytes before."""
        if start == 0:
            return self._records
        if receipt is not None and receipt.size == start:
            return max(0, self._records - receipt.records)
        if start >= self._end:
            return 0
        return self._count_records(start, self._end) if self._count_records else self._records

    def _keep(self, identity: str, receipt: Receipt | None, digest: SegmentDigest) -> None:
        """Save what is proven now, unless the receipt says so already."""
        if receipt is not None and (receipt.size, receipt.chain) == (digest.size, digest.chain):
            return

        def changed(kept: Receipt | None) -> Receipt:
            return Receipt(
                remote=self._remote.name,
                size=digest.size,
                chain=digest.chain,
                records=self._records,
                verified_at=_now(),
                files=kept.files if kept else {},
                blobs=kept.blobs if kept else {},
            )

        try:
            receipts.change(self._log, self._log_id, identity, changed)
        except StorageError as error:
            self._notes.append(str(error))  # the delivery is none the worse

    def _ship_beside(self) -> FilesDelivered:
        return ship_beside(self._log, self._log_id, self._remote, progress=self._progress)


@dataclass(frozen=True)
class _Range:
    """Bytes to send, and the digest that the target must have after them."""

    data: bytes
    digest: SegmentDigest


def _kept_digest(file: int, mark: Mark, receipt: Receipt | None) -> SegmentDigest | None:
    """Return the digest that the receipt proved, if it is the target's still; reads the open segment only."""
    if receipt is None or (receipt.size, receipt.chain) != (mark.size, mark.chain):
        return None
    if mark.size > os.fstat(file).st_size:
        return None
    length = open_length(mark.size)
    return SegmentDigest.resume(mark.size, mark.chain, os.pread(file, length, mark.size - length))


def _extend(digest: SegmentDigest, file: int, size: int) -> None:
    """Hash the file on to `size`, which it has; a reading that falls short shows as an unequal mark."""
    while digest.size < size:
        data = os.pread(file, min(SEGMENT_BYTES, size - digest.size), digest.size)
        if not data:
            return
        digest.update(data)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
