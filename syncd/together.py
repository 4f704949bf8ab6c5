"""Ship many small logs in one request: for runs that train side by side, and for hundreds that have ended.

Only what goes as expected is done here: the target's digest over a log is ours after its range. Every other log is left
to `ship`, which asks, compares and says what is wrong; so nothing here needs to know why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runstore.core.segments import EMPTY_MARK, Mark, SegmentDigest, open_length
from runstore.errors import StorageError
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import BLOBS, FILES, Remote
from runstore.syncd.shipper import Shipment, proof

_Item = TypeVar("_Item")

# What of one log, and of all together, goes in one request.
SMALL_BYTES = 256 << 10
TOGETHER_BYTES = 4 << 20
TOGETHER_LOGS = 250


@dataclass
class _Parcel:
    """A log on its way: what the target has proven before, and what follows."""

    what: Ready
    receipt: Receipt | None
    digest: SegmentDigest  # before `data`
    data: bytes

    @property
    def ahead(self) -> SegmentDigest:
        digest = self.digest.copy()
        digest.update(self.data)
        return digest


def ship_together(logs: Sequence[Ready], remote: Remote, progress: Callable[[int], None]) -> dict[Path, Shipment]:
    """Deliver small logs, without what lies beside them; return the shipments of those that are verified.

    The others have to go by themselves. Raises RemoteUnreachable, RemoteRefused and RemoteError as the target does.
    """
    if not remote.takes_batches():
        return {}
    identity = remote.identity()
    parcels = [parcel for what in logs if (parcel := _packed(what, identity)) is not None]
    new = [parcel for parcel in parcels if parcel.receipt is None]
    if new:  # without a receipt the target is asked first: it may have had all of it long ago
        marks = remote.append_all([(parcel.what.log_id, 0, b"") for parcel in new])
        known = {parcel.what.log for parcel, mark in zip(new, marks, strict=True) if mark != EMPTY_MARK}
        parcels = [parcel for parcel in parcels if parcel.what.log not in known]
    shipped: dict[Path, Shipment] = {}
    for some in grouped(parcels, lambda parcel: len(parcel.data), TOGETHER_BYTES):
        marks = remote.append_all([(parcel.what.log_id, parcel.digest.size, parcel.data) for parcel in some])
        for parcel, mark in zip(some, marks, strict=True):
            if mark == parcel.ahead.mark():
                shipped[parcel.what.log] = _kept(parcel, mark, remote, identity)
        progress(sum(len(parcel.data) for parcel in some))
    return shipped


def _packed(what: Ready, identity: str) -> _Parcel | None:
    """Return what is to be sent of a log; None where it is too much, or not as its receipt says."""
    receipt = receipts.load(what.log, what.log_id).get(identity)
    if receipt is not None and (not receipt.chain or receipt.held):
        return None
    size = receipt.size if receipt else 0
    if not 0 <= what.end - size <= SMALL_BYTES:
        return None
    length = open_length(size)
    try:
        with what.log.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), length + what.end - size, size - length)
    except OSError:
        return None
    if len(data) < length + what.end - size:
        return None
    digest = SegmentDigest.resume(size, receipt.chain, data[:length]) if receipt else SegmentDigest()
    return _Parcel(what, receipt, digest, data[length:])


def grouped(items: Iterable[_Item], size_of: Callable[[_Item], int], most: int) -> Iterator[list[_Item]]:
    """Yield items in groups whose sizes come to no more than `most`, but for one that is larger by itself."""
    group: list[_Item] = []
    size = 0
    for item in items:
        if group and size + size_of(item) > most:
            yield group
            group, size = [], 0
        group.append(item)
        size += size_of(item)
    if group:
        yield group


def _kept(parcel: _Parcel, mark: Mark, remote: Remote, identity: str) -> Shipment:
    """Keep the receipt of what was proven, unless it says so already."""
    what, receipt = parcel.what, parcel.receipt
    note = ""
    is_said = receipt is not None and not receipt.error and receipt.url == remote.address
    if receipt is None or not is_said or parcel.data or receipt.records < what.records:
        nothing_beside = not any((what.log.parent / folder).exists() for folder in (FILES, BLOBS))
        changed = proof(remote, mark.size, mark.chain, what.records, nothing_beside=nothing_beside)
        try:
            receipt = receipts.change(what.log, what.log_id, identity, changed)
        except StorageError as error:
            note = str(error)  # the delivery is none the worse
    records = what.records - parcel.receipt.records if parcel.receipt else what.records
    return Shipment(
        len(parcel.data), max(0, records), 0, 0, verified=True, note=note, identity=identity, receipt=receipt
    )
