"""The whole contract of a target to which logs are delivered byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from runstore.core.segments import Mark
from runstore.syncd.remotes.runs import RunRemote

# The folders of a run directory that are delivered with its log. Each has names of its own.
FILES, BLOBS = "files", "blobs"


@dataclass(frozen=True)
class FileEntry:
    """One file beside a log: its path relative to `folder` with forward slashes, its size and SHA-256 as hex.

    `folder` is "files", or "blobs" for the bytes of artifacts.
    """

    path: str
    size: int
    sha256: str
    folder: str = FILES


class Remote(Protocol):
    """A target. Every method may raise RemoteUnreachable, RemoteRefused or RemoteError, and may be called again."""

    @property
    def name(self) -> str:
        """What the user calls the target; only for messages."""
        ...

    @property
    def address(self) -> str:
        """Where the target is, as the user wrote it; kept in receipts, since another one may get its name."""
        ...

    def identity(self) -> str:
        """Return what stays the same while the target holds the same data, whatever its address; kept in receipts."""
        ...

    def mark(self, log_id: str) -> Mark:
        """Return what the target durably holds of a log; EMPTY_MARK for one that it has never seen."""
        ...

    def append(self, log_id: str, offset: int, data: bytes) -> Mark:
        """Give the log's bytes from `offset` on, and return what is durably held afterwards, whoever sent it.

        Bytes that are already held are compared, not stored again; a range that begins beyond the end is not stored.
        Raises RemoteConflict where other bytes are held in that range; then nothing has changed.
        """
        ...

    def takes_streams(self) -> bool:
        """Return whether `append_stream` can be used."""
        ...

    def append_stream(self, log_id: str, offset: int, pieces: Iterable[bytes]) -> Mark:
        """Give as many bytes as there are from `offset` on, as they are made; otherwise as `append`.

        What the target has taken of a stream that breaks off it keeps.
        """
        ...

    def takes_batches(self) -> bool:
        """Return whether `append_all`, `missing_files_of_all` and `put_all` can be used."""
        ...

    def append_all(self, ranges: Sequence[tuple[str, int, bytes]]) -> list[Mark | None]:
        """Give ranges (log id, offset, bytes) of different logs, a few MiB in all, as `append` does each of them.

        Returns the mark of each log; None where its range was refused: `append` tells why.
        """
        ...

    def missing_files(self, log_id: str, entries: Iterable[FileEntry]) -> set[str]:
        """Tell which files belong to the log, and return the digests of those whose bytes the target lacks."""
        ...

    def missing_files_of_all(self, manifests: Sequence[tuple[str, Sequence[FileEntry]]]) -> list[set[str] | None]:
        """Tell which files belong to logs (log id, entries), as `missing_files` does of one.

        Returns what is missing of each; None for a log of which the target holds nothing.
        """
        ...

    def put_all(self, blobs: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Give the bytes of small files with their digests, a few MiB in all; return which of them are held now."""
        ...

    def refuses_blobs(self) -> str:
        """Return why the target takes no bytes of artifacts, in a sentence; "" where it does."""
        ...

    def put_file(self, digest: str, path: Path, progress: Callable[[int], None]) -> int:
        """Give the bytes of one file, and return how many had to be sent; `progress` gets their number on the way.

        What a transfer that broke off has brought is not sent again. Raises RemoteConflict where the bytes do not have
        that digest; nothing is kept then.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


Target: TypeAlias = "Remote | RunRemote"
"""Whatever can be delivered to: what takes logs, or runs."""
