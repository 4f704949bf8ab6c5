"""The hub's bytes on disk, behind a narrow interface.

    data/lock                            one hub per folder
    data/hub.id                          the hub's identity, in every receipt
    data/hub.db                          what is acknowledged (database.py)
    data/logs/<2 digits>/<log id>/log.wandb      (log_files.py)
    data/blobs/<2 digits>/<digest>       files and artifacts, by content
    data/partial/<digest>                blobs that are arriving in ranges (partials.py)

The append rule, under the log's lock: bytes to the file, fdatasync, then size and chain in one durable commit; only
then are they acknowledged. So after any crash the file holds at least what was acknowledged, and whatever is longer
was never promised to anybody: it is cut off, and the client, which asks for the mark first, sends it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runstore.core.segments import EMPTY_MARK, Mark, SegmentDigest
from runstore.errors import NotFound, StorageError
from runstore.syncd.hub.blobs import Blobs
from runstore.syncd.hub.database import Database
from runstore.syncd.hub.digests import Digests
from runstore.syncd.hub.disk import make_folder, storage_errors
from runstore.syncd.hub.folder import identity_of, take_folder
from runstore.syncd.hub.ledger import Ledger
from runstore.syncd.hub.log_files import LogFiles
from runstore.syncd.remotes.base import FILES, FileEntry
from runstore.syncd.untrusted import check_digest

RANGE_BYTES_MAX = 8 << 20  # a range is held in memory once while it is compared and written
_WRITERS = 8  # of a batch, at a time

_logger = logging.getLogger("runstore.hub")


@dataclass(frozen=True)
class Appended:
    """The mark after an append, and how many bytes of it were new."""

    mark: Mark
    accepted: int
    digest: SegmentDigest | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class LogRange:
    """Bytes of a log from an offset on."""

    log_id: str
    offset: int
    data: bytes = field(repr=False)


class Storage:
    """The data folder of one hub. Every method may be called from any thread."""

    def __init__(self, data: Path) -> None:
        """Open `data`, making it where it is missing. Raises StorageError, also where another hub has it open."""
        with storage_errors(data):
            make_folder(data)
            self._lock = take_folder(data)
            try:
                self.hub_id = identity_of(data)
                self.blobs = Blobs(data)
                self._database = Database(data)
            except BaseException:
                self._lock.close()
                raise
        self._ledger = Ledger(self._database)
        self._files = LogFiles(data)
        self._digests = Digests()
        # One of 256 by the id's first byte: no lock per log to be kept for ever, hardly any waiting for a neighbour.
        self._log_locks = [threading.Lock() for _ in range(256)]
        self._adopt_orphans()

    def close(self) -> None:
        """Close the database and let another hub have the folder."""
        self._database.close()
        self._lock.close()

    def log_path(self, log_id: str) -> Path:
        """Return where a log's bytes are or would be. Raises UsageError for what is not a log id."""
        return self._files.path(log_id)

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
        (outcome,) = self.append_all([LogRange(log_id, offset, data)])
        if isinstance(outcome, StorageError):
            raise outcome
        return outcome

    def append_all(self, ranges: Sequence[LogRange]) -> list[Appended | StorageError]:
        """Store ranges of different logs as `append` does, acknowledged together; return what became of each.

        Raises StorageError where nothing could be acknowledged.
        """
        with self._locked(*(given.log_id for given in ranges)):
            fresh = [given.log_id for given in ranges if given.data and self._digest(given.log_id) is None]
            self._ledger.begin(fresh)
            outcomes = self._all_staged(ranges)
            longer = {
                given.log_id: outcome.digest
                for given, outcome in zip(ranges, outcomes, strict=True)
                if isinstance(outcome, Appended) and outcome.digest is not None and outcome.accepted
            }
            try:
                self._ledger.acknowledge([(log_id, digest.size, digest.chain) for log_id, digest in longer.items()])
            except StorageError:
                # The files may be longer than the ledger says now. Opened anew, they are cut.
                for log_id in longer:
                    self._digests.forget(log_id)
                raise
            for log_id, digest in longer.items():
                self._digests.keep(log_id, digest)
            return outcomes

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
        (missing,) = self.add_files_of_all([(log_id, entries)])
        if missing is None:
            raise NotFound(f"no log {log_id} is held here; send its bytes before its files")
        return missing

    def add_files_of_all(self, manifests: Sequence[tuple[str, list[FileEntry]]]) -> list[list[str] | None]:
        """Add to the manifests of logs and return what is missing of each; None for a log of which nothing is held."""
        held = [self._ledger.acknowledged(check_digest(log_id)) is not None for log_id, _ in manifests]
        self._ledger.add_files(manifest for manifest, is_held in zip(manifests, held, strict=True) if is_held)
        return [
            self._missing(entries) if is_held else None for (_, entries), is_held in zip(manifests, held, strict=True)
        ]

    def files(self, log_id: str, folder: str = FILES) -> list[FileEntry]:
        """Return what a log's manifest has in one folder, in order of path; the bytes are in `blobs`."""
        return self._ledger.files(check_digest(log_id), folder)

    def held(self, log_id: str, path: str, folder: str = FILES) -> Path | None:
        """Return where the bytes are that a log's manifest has under a path; None where they are not, or not yet."""
        entry = self._ledger.file(check_digest(log_id), path, folder)
        return self.blobs.path(entry.sha256) if entry is not None and self.blobs.has(entry.sha256) else None

    def blobs_named(self, name: str) -> list[FileEntry]:
        """Return the blobs of artifacts that were delivered under this name, with any log; held or still on the way."""
        return self._ledger.blobs_named(name)

    def _missing(self, entries: list[FileEntry]) -> list[str]:
        return [digest for digest in dict.fromkeys(entry.sha256 for entry in entries) if not self.blobs.has(digest)]

    @contextmanager
    def _locked(self, *log_ids: str) -> Iterator[None]:
        # In one order for everybody: two batches never wait for each other.
        places = sorted({int(check_digest(log_id)[:2], 16) for log_id in log_ids})
        with ExitStack() as taken:
            for place in places:
                taken.enter_context(self._log_locks[place])
            yield

    def _digest(self, log_id: str) -> SegmentDigest | None:
        """Return the digest of the acknowledged bytes, opening the log if need be; None for one never begun."""
        known = self._digests.get(log_id)
        if known is not None:
            return known
        acknowledged = self._ledger.acknowledged(log_id)
        if acknowledged is None:
            return None
        digest = self._files.cut_to(log_id, *acknowledged)
        if digest is None:
            digest = self._recount(log_id, acknowledged[0])
        self._digests.keep(log_id, digest)
        return digest

    def _recount(self, log_id: str, acknowledged: int) -> SegmentDigest:
        """Acknowledge what the file really holds.

        Only a disk that lies about fdatasync, or a person, makes it shorter than what was acknowledged. Saying so to
        the clients is the cure: they ask for the mark first, and send again what is gone.
        """
        digest = self._files.digest(log_id)
        if digest.size < acknowledged:
            lost = acknowledged - digest.size
            _logger.error("log %s: the disk lost %d acknowledged bytes; clients will send them again", log_id, lost)
        self._ledger.acknowledge([(log_id, digest.size, digest.chain)])
        return digest

    def _adopt_orphans(self) -> None:
        """Where hub.db is gone but logs are there, hash them and go on: without this the next append would cut them."""
        if self._ledger.log_ids():
            return
        for log_id in self._files.log_ids():
            self._ledger.begin([log_id])
            self._recount(log_id, 0)

    def _all_staged(self, ranges: Sequence[LogRange]) -> list[Appended | StorageError]:
        if len(ranges) == 1:
            return [self._staged(ranges[0])]
        # Several files that are synced at the same time cost a disk hardly more than one.
        with ThreadPoolExecutor(min(_WRITERS, len(ranges) or 1)) as writers:
            return list(writers.map(self._staged, ranges))

    def _staged(self, given: LogRange) -> Appended | StorageError:
        """Put what is new of a range behind the acknowledged bytes of its log, durably; acknowledge nothing yet."""
        try:
            digest = self._digest(given.log_id)
            size = 0 if digest is None else digest.size
            if digest is None or given.offset > size:
                return Appended(EMPTY_MARK if digest is None else digest.mark(), 0)
            held = min(size - given.offset, len(given.data))
            self._files.compare(given.log_id, given.offset, given.data[:held])
            fresh = memoryview(given.data)[held:]
            if not fresh:
                return Appended(digest.mark(), 0)
            longer = digest.copy()
            longer.update(fresh)
            self._files.write(given.log_id, size, fresh)
            return Appended(longer.mark(), len(fresh), longer)
        except StorageError as error:
            self._digests.forget(given.log_id)
            return error
