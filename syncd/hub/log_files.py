"""The files of logs on the hub's disk: bytes at offsets, and their digests. What of them counts is the ledger's word.

Rules of this file: no locks and no database. For one log, the caller lets in one thread at a time.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from runstore.core.segments import SEGMENT_BYTES, SegmentDigest, open_length
from runstore.errors import StorageError
from runstore.syncd.hub.disk import make_folder, storage_errors, sync_data, sync_folder, write_all
from runstore.syncd.untrusted import check_digest, is_digest

_LOG_NAME = "log.wandb"  # never a name that a client chose

_logger = logging.getLogger("runstore.hub")


class RangeConflict(StorageError):
    """The hub holds other bytes in that range; nothing was changed."""


class LogFiles:
    """The folder `logs` in the data folder of a hub. What the disk refuses is raised as StorageFull or StorageError."""

    def __init__(self, data: Path) -> None:
        self._logs = data / "logs"

    def path(self, log_id: str) -> Path:
        """Return where a log's bytes are or would be. Raises UsageError for what is not a log id."""
        return self._logs / check_digest(log_id)[:2] / log_id / _LOG_NAME

    def log_ids(self) -> list[str]:
        """Return every log of which there is a file."""
        names = [path.parent.name for path in sorted(self._logs.glob(f"*/*/{_LOG_NAME}"))]
        return [name for name in names if is_digest(name)]  # others are no folders of ours

    def digest(self, log_id: str) -> SegmentDigest:
        """Return the digest of all that there is, nothing included. Reads it whole."""
        path, digest = self.path(log_id), SegmentDigest()
        with storage_errors(path):
            if not path.exists():
                return digest
            with path.open("rb") as file:
                while piece := file.read(SEGMENT_BYTES):
                    digest.update(piece)
        return digest

    def cut_to(self, log_id: str, size: int, chain: str) -> SegmentDigest | None:
        """Cut off what is longer than `size`, and return the digest there; None where the file is shorter.

        `chain` is that of the digest; of the file, the open segment is read.
        """
        path = self.path(log_id)
        if not path.exists():  # with size 0: killed before the file was made
            return SegmentDigest() if size == 0 else None
        with storage_errors(path), path.open("r+b") as file:
            found = os.fstat(file.fileno()).st_size
            if found < size:
                return None
            if found > size:
                _logger.info("%s: %d bytes were never acknowledged and are cut off", path, found - size)
                os.ftruncate(file.fileno(), size)
            file.seek(size - open_length(size))
            return SegmentDigest.resume(size, chain, file.read(open_length(size)))

    def compare(self, log_id: str, offset: int, data: bytes) -> None:
        """Raise RangeConflict where the file has other bytes from `offset` on than `data`."""
        path = self.path(log_id)
        if not data:
            return
        with storage_errors(path), path.open("rb") as file:
            file.seek(offset)
            for at in range(0, len(data), SEGMENT_BYTES):
                piece = data[at : at + SEGMENT_BYTES]
                if file.read(len(piece)) != piece:
                    raise RangeConflict(
                        f"the hub holds other bytes for log {log_id} between {offset + at:,} and "
                        f"{offset + at + len(piece):,}; nothing was changed"
                    )

    def write(self, log_id: str, offset: int, data: memoryview) -> None:
        """Write `data` at `offset`, durably; at 0 the file's name as well."""
        path, is_new = self.path(log_id), offset == 0
        with storage_errors(path):
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
