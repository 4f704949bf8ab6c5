"""Ship one log to one target: bytes by offset until both sides have the same digest, then the files.

The target is asked for its mark first, always: its answer, not our receipt, says where to go on. So the loop can be
killed anywhere and run anew, and two shippers of the same log only waste bytes. Nothing here writes to the log.
How the bytes go is in sending.py, how the files do in outgoing.py; here is what is proven by that, and kept.

Rules of this file: no sleeping, no clock but for the receipt's date, one pass; who wants to retry, does so outside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runstore.core.segments import Mark, SegmentDigest, open_length
from runstore.errors import StorageError
from runstore.syncd import receipts
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.outgoing import FilesDelivered, lies_beside, ship_beside
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import Remote
from runstore.syncd.sending import Sending


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
    identity: str = field(default="", compare=False)  # of the target
    receipt: Receipt | None = field(default=None, compare=False)  # as it is kept now


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
    OSError where it can't be read. `progress` may raise Interrupted: what was taken by then is in the receipt.
    """
    return _Passage(log, log_id, end, records, remote, progress or _ignore, count_records, beside).run()


def proof(
    remote: Remote, size: int, chain: str, records: int, *, nothing_beside: bool = False
) -> Callable[[Receipt | None], Receipt]:
    """Return what makes the receipt that is kept into one of this proof; it says nothing new of files."""

    def changed(kept: Receipt | None) -> Receipt:
        return Receipt(
            remote=remote.name,
            url=remote.address,
            size=size,
            chain=chain,
            records=records,
            verified_at=receipts.now(),
            files=kept.files if kept else {},
            blobs=kept.blobs if kept else {},
            files_left=0 if nothing_beside else kept.files_left if kept else receipts.NOT_LOOKED_AT,
        )

    return changed


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
        self._sending = Sending(log, log_id, end, remote, self._progress)
        self._notes: list[str] = []
        self._receipt: Receipt | None = None

    def run(self) -> Shipment:
        identity = self._remote.identity()
        self._receipt = receipt = receipts.load(self._log, self._log_id).get(identity)
        before = self._remote.mark(self._log_id)
        with self._log.open("rb", buffering=0) as file:
            try:
                digest = self._sending.send(file.fileno(), before, _kept_digest(file.fileno(), before, receipt))
            except Interrupted:
                self._keep_part(identity, receipt)
                raise
        new_records = 0
        if digest is not None:
            new_records = self._new_records(before.size, receipt)
            self._keep(identity, receipt, digest)
        else:
            self._keep_loss(identity, before.size)
        files = self._ship_beside()
        return Shipment(
            bytes_sent=self._sending.bytes_sent,
            records=new_records,
            files_sent=files.sent,
            file_bytes_sent=files.bytes_sent,
            verified=digest is not None,
            files_left=files.left,
            note="; ".join(self._sending.notes + self._notes + files.notes),
            identity=identity,
            receipt=files.receipt or self._receipt,
        )

    def _new_records(self, start: int, receipt: Receipt | None) -> int:
        """Return how many records this passage delivered, given that the target held `start` bytes before."""
        if start == 0:
            return self._records
        if receipt is not None and receipt.size == start:
            return max(0, self._records - receipt.records)
        if start >= self._end:
            return 0
        return self._count_records(start, self._end) if self._count_records else self._records

    def _keep_part(self, identity: str, receipt: Receipt | None) -> None:
        """Save how far it is, so that the next delivery does not hash all of it anew; the records are counted then."""
        proven = self._sending.proven
        if proven is not None:
            if proven.size < self._end:
                self._records = receipt.records if receipt else 0
            self._keep(identity, receipt, proven)

    def _keep(self, identity: str, receipt: Receipt | None, digest: SegmentDigest) -> None:
        """Save what is proven now, unless the receipt says so already."""
        proven = (digest.size, digest.chain, 0, "", self._remote.address)
        known = (receipt.size, receipt.chain, receipt.held, receipt.error, receipt.url) if receipt else None
        # It says less of the records where it was kept in the midst of a delivery, or of one that knew of fewer.
        if receipt is not None and known == proven and receipt.records >= self._records:
            return

        changed = proof(self._remote, digest.size, digest.chain, self._records)
        try:
            self._receipt = receipts.change(self._log, self._log_id, identity, changed)
        except StorageError as error:
            self._notes.append(str(error))  # the delivery is none the worse

    def _keep_loss(self, identity: str, held: int) -> None:
        with contextlib.suppress(StorageError):  # it is in the notes
            receipts.note_loss(self._log, self._log_id, identity, self._remote.name, held)

    def _ship_beside(self) -> FilesDelivered:
        if not (self._beside and lies_beside(self._log, self._end)):
            return FilesDelivered()
        return ship_beside(self._log, self._log_id, self._remote, progress=self._progress)


def _kept_digest(file: int, mark: Mark, receipt: Receipt | None) -> SegmentDigest | None:
    """Return the digest that the receipt proved, if it is the target's still; reads the open segment only."""
    if receipt is None or (receipt.size, receipt.chain) != (mark.size, mark.chain):
        return None
    if mark.size > os.fstat(file).st_size:
        return None
    length = open_length(mark.size)
    return SegmentDigest.resume(mark.size, mark.chain, os.pread(file, length, mark.size - length))
