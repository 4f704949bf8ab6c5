"""The hub's bytes on disk, behind a narrow interface.

    data/lock                            one hub per folder
    data/hub.id                          the hub's identity, in every receipt
    data/hub.db                          what is acknowledged (database.py)
    data/logs/<2 digits>/<log id>/log.wandb
    data/blobs/<2 digits>/<digest>       files and artifacts, by content
    data/partial/<digest>                blobs that are arriving in ranges (partials.py)

The append rule, under the log's lock: bytes to the file, fdatasync, then size and chain in one durable commit; only
then are they acknowledged. So after any crash the file holds at least what was acknowledged, and whatever is longer
was never promised to anybody: it is cut off, and the client, which asks for the mark first, sends it again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runstore.core.segments import EMPTY_MARK, SEGMENT_BYTES, Mark, SegmentDigest, open_length
from runstore.errors import NotFound, StorageError, UsageError
from runstore.syncd.hub.blobs import Blobs
from runstore.syncd.hub.database import Database
from runstore.syncd.hub.disk import make_folder, storage_errors, sync_data, sync_folder, write_all
from runstore.syncd.hub.ledger import Ledger
from runstore.syncd.hub.manifest import check_digest
from runstore.syncd.remotes.base import FILES, FileEntry

RANGE_BYTES_MAX = 8 << 20  # a range is held in memory once while it is compared and written
_DIGESTS_KEPT = 4096  # logs whose open segment need not be read again; under 1 KiB each
_LOG_NAME = "log.wandb"  # never a name that a client chose

_logger = logging.getLogger("runstore.hub")


class RangeConflict(StorageError):
    """The hub holds other bytes in that range; nothing was changed."""


@dataclass(frozen=True)
class Appended:
    """The mark after an append, and how many bytes of it were new."""

    mark: Mark
    accepted: int


class Storage:
    """The data folder of one hub. Every method may be called from any thread."""

    def __init__(self, data: Path) -> None:
        """Open `data`, making it where it is missing. Raises StorageError, also where another hub has it open."""
        self._data = data
        with storage_errors(data):
            make_folder(data)
            self._lock = _take_folder(data)
            try:
                self.hub_id = _identity(data)
                self.blobs = Blobs(data)
                self._database = Database(data)
            except BaseException:
                self._lock.close()
                raise
        self._ledger = Ledger(self._database)
        # One of 256 by the id's first byte: no lock per log to be kept for ever, hardly any waiting for a neighbour.
        self._log_locks = [threading.Lock() for _ in range(256)]
        self._digests: OrderedDict[str, SegmentDigest] = OrderedDict()
        self._digests_lock = threading.Lock()
        self._adopt_orphans()

    def close(self) -> None:
        """Close the database and let another hub have the folder."""
        self._database.close()
        self._lock.close()

    def log_path(self, log_id: str) -> Path:
        """Return where a log's bytes are or would be. Raises UsageError for what is not a log id."""
        return self._data / "logs" / check_digest(log_id)[:2] / log_id / _LOG_NAME

    def mark(self, log_id: str) -> Mark:
        """Return what is acknowledged of a log; EMPTY_MARK for an unknown one. Reads the open segment at most."""
        with self._locked(log_id):
            digest = self._digest(log_id)
            return EMPTY_MARK if digest is None else digest.mark()

    def append(self, log_id: str, offset: int, data: bytes) -> Appended:
        """Store the part of `data` that continues the log, durably, and return the mark.

        Bytes that are held already are compared; a range that begins beyond the end changes nothing.
        Raises RangeConflict where held bytes differ, StorageFull and StorageError; nothing is acknowledged then.
        """
        with self._locked(log_id):
            digest = self._digest(log_id)
            size = 0 if digest is None else digest.size
            if offset > size:
                return Appended(EMPTY_MARK if digest is None else digest.mark(), 0)
            held = min(size - offset, len(data))
            with storage_errors(self.log_path(log_id)):
                self._compare(log_id, offset, data[:held])
            fresh = memoryview(data)[held:]
            if fresh:
                digest = self._extend(log_id, digest, fresh)
            return Appended(EMPTY_MARK if digest is None else digest.mark(), len(fresh))

    def unindexed(self) -> list[str]:
        """Return the ids of the logs of which the index has not seen every acknowledged byte."""
        return self._ledger.unindexed()

    def set_indexed(self, log_id: str, size: int) -> None:
        """Note that the index has seen the log's first `size` bytes."""
        self._ledger.set_indexed(log_id, size)

    def add_files(self, log_id: str, entries: list[FileEntry]) -> list[str]:
        """Add to a log's manifest and return the digests among `entries` whose blobs are missing, each once, in order.

        Raises NotFound for a log of which nothing is held.
        """
        if self._ledger.acknowledged(check_digest(log_id)) is None:
            raise NotFound(f"no log {log_id} is held here; send its bytes before its files")
        self._ledger.add_files(log_id, entries)
        return [digest for digest in dict.fromkeys(entry.sha256 for entry in entries) if not self.blobs.has(digest)]

    def files(self, log_id: str, folder: str = FILES) -> list[FileEntry]:
        """Return what a log's manifest has in one folder, in order of path; the bytes are in `blobs`."""
        return self._ledger.files(check_digest(log_id), folder)

    def blobs_named(self, name: str) -> list[FileEntry]:
        """Return the blobs of artifacts that were delivered under this name, with any log; held or still on the way."""
        return self._ledger.blobs_named(name)

    @contextmanager
    def _locked(self, log_id: str) -> Iterator[None]:
        with self._log_locks[int(check_digest(log_id)[:2], 16)]:
            yield

    def _digest(self, log_id: str) -> SegmentDigest | None:
        """Return the digest of the acknowledged bytes, opening the log if need be; None for one never begun."""
        with self._digests_lock:
            known = self._digests.get(log_id)
            if known is not None:
                self._digests.move_to_end(log_id)
                return known
        acknowledged = self._ledger.acknowledged(log_id)
        if acknowledged is None:
            return None
        digest = self._open_log(log_id, *acknowledged)
        self._remember(log_id, digest)
        return digest

    def _remember(self, log_id: str, digest: SegmentDigest) -> None:
        with self._digests_lock:
            self._digests[log_id] = digest
            self._digests.move_to_end(log_id)
            while len(self._digests) > _DIGESTS_KEPT:
                self._digests.popitem(last=False)

    def _forget(self, log_id: str) -> None:
        with self._digests_lock:
            self._digests.pop(log_id, None)

    def _open_log(self, log_id: str, size: int, chain: str) -> SegmentDigest:
        """Bring a log's file back to what is acknowledged, and return the digest there."""
        path = self.log_path(log_id)
        if not path.exists():  # with size 0: killed between begin() and the file's creation
            return SegmentDigest() if size == 0 else self._recount(log_id, size)
        with storage_errors(path), path.open("r+b") as file:
            found = os.fstat(file.fileno()).st_size
            if found < size:
                return self._recount(log_id, size)
            if found > size:
                _logger.info("%s: %d bytes were never acknowledged and are cut off", path, found - size)
                os.ftruncate(file.fileno(), size)
            file.seek(size - open_length(size))
            return SegmentDigest.resume(size, chain, file.read(open_length(size)))

    def _recount(self, log_id: str, acknowledged: int) -> SegmentDigest:
        """Acknowledge what the file really holds.

        Only a disk that lies about fdatasync, or a person, makes it shorter than what was acknowledged. Saying so to
        the clients is the cure: they ask for the mark first, and send again what is gone.
        """
        digest = _digest_of(self.log_path(log_id))
        if digest.size < acknowledged:
            lost = acknowledged - digest.size
            _logger.error("log %s: the disk lost %d acknowledged bytes; clients will send them again", log_id, lost)
        self._ledger.acknowledge(log_id, digest.size, digest.chain)
        return digest

    def _adopt_orphans(self) -> None:
        """Where hub.db is gone but logs are there, hash them and go on: without this the next append would cut them."""
        if self._ledger.log_ids():
            return
        for path in sorted((self._data / "logs").glob(f"*/*/{_LOG_NAME}")):
            try:
                log_id = check_digest(path.parent.name)
            except UsageError:  # not a folder of ours
                continue
            self._ledger.begin(log_id)
            with storage_errors(path):
                self._recount(log_id, 0)

    def _compare(self, log_id: str, offset: int, data: bytes) -> None:
        if not data:
            return
        with self.log_path(log_id).open("rb") as file:
            file.seek(offset)
            for at in range(0, len(data), SEGMENT_BYTES):
                piece = data[at : at + SEGMENT_BYTES]
                if file.read(len(piece)) != piece:
                    raise RangeConflict(
                        f"the hub holds other bytes for log {log_id} between {offset + at:,} and "
                        f"{offset + at + len(piece):,}; nothing was changed"
                    )

    def _extend(self, log_id: str, digest: SegmentDigest | None, fresh: memoryview) -> SegmentDigest:
        """Put `fresh` behind the acknowledged bytes and acknowledge it."""
        path = self.log_path(log_id)
        if digest is None:
            self._ledger.begin(log_id)
            digest = SegmentDigest()
        longer = digest.copy()
        longer.update(fresh)
        try:
            with storage_errors(path):
                _write_durably(path, digest.size, fresh)
            self._ledger.acknowledge(log_id, longer.size, longer.chain)
        except StorageError:
            # The file may be longer than the ledger says now. Forgotten, the log is opened anew, which cuts it.
            self._forget(log_id)
            raise
        self._remember(log_id, longer)
        return longer


def _write_durably(path: Path, offset: int, data: memoryview) -> None:
    is_new = offset == 0
    if is_new:
        make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        write_all(descriptor, data, offset)
        sync_data(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


def _digest_of(path: Path) -> SegmentDigest:
    digest = SegmentDigest()
    if not path.exists():
        return digest
    with path.open("rb") as file:
        while piece := file.read(SEGMENT_BYTES):
            digest.update(piece)
    return digest


def _take_folder(data: Path) -> IO[bytes]:
    """Return the open lock file. Raises StorageError where another hub holds it."""
    lock = open(data / "lock", "ab")  # noqa: SIM115 - held until close()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StorageError(f"{data}: another hub is using this folder; stop it, or give this one another") from error
    return lock


def _identity(data: Path) -> str:
    """Return the folder's identity, made once: receipts name it, so that a hub may move to another address."""
    path = data / "hub.id"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(str(uuid.uuid4()) + "\n", encoding="ascii")
        os.replace(fresh, path)
        sync_folder(data)
    return path.read_text(encoding="ascii").strip()
