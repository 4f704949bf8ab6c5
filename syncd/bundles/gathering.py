"""What is to be carried: of each log the bytes that are not proven to have arrived, and the files beside it.

Everything is digested here, once; what is written later is checked to be the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runstore.core.segments import EMPTY_MARK, SegmentDigest, open_length
from runstore.errors import StorageError, UsageError
from runstore.syncd import receipts
from runstore.syncd.bundles.manifest import BundledLog, BundledRun, Content, Piece
from runstore.syncd.bundles.parsing import check_inside
from runstore.syncd.delivery import Ready
from runstore.syncd.outgoing import FOLDERS, lies_beside
from runstore.syncd.receipts import CARRIED, FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry
from runstore.syncd.stamps import names_its_digest, regular_files, stamp_of

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Source:
    """Where the bytes of a log, or of a file, are; a file's stamp tells whether they still are what they were."""

    path: Path
    stamp: FileStamp | None = None

    def read(self, piece: Piece) -> Iterator[bytes]:
        """Yield the bytes of a piece; raises StorageError where they can't be read, or are others by now."""
        try:
            with self.path.open("rb", buffering=0) as file:
                self._check(file.fileno())
                file.seek(piece.start)
                left = piece.size
                while left and (some := file.read(min(left, _READ_BYTES))):
                    left -= len(some)
                    yield some
                self._check(file.fileno())
        except OSError as error:
            raise StorageError(f"{self.path}: can't be read ({error.strerror})") from error

    def _check(self, file: int) -> None:
        now = os.fstat(file)
        if self.stamp is not None and (now.st_size, now.st_mtime_ns) != (self.stamp.size, self.stamp.mtime_ns):
            raise Changed(f"{self.path}: changed while it was bundled; call it again when its writer is done")


class Changed(StorageError):
    """A file is not what it was when its digest was taken."""


@dataclass
class Gathered:
    """What a bundle is to hold, and where it is taken from: by kind and digest as pieces have them."""

    runs: list[BundledRun] = field(default_factory=list)
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)
    previous: str = ""
    partial: str = ""  # what was left out or redacted, in words; "" where nothing was
    notes: list[str] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)  # by log id
    _copies: tempfile.TemporaryDirectory[str] | None = None

    def copied(self, path: Path) -> Path:
        """Return a copy of a file that may change at any moment; it is there as long as this is. Raises OSError."""
        if self._copies is None:
            self._copies = tempfile.TemporaryDirectory(prefix="runstore-bundle-")
        # Never one of another's: `sources` doesn't grow by a file whose bytes are there already.
        name = str(len(os.listdir(self._copies.name)))
        return Path(shutil.copyfile(path, Path(self._copies.name, name)))

    def close(self) -> None:
        """Let the copies go."""
        if self._copies is not None:
            self._copies.cleanup()

    @property
    def content(self) -> Content:
        """What the manifest says of it."""
        return Content(tuple(self.runs), self.previous, self.partial)

    @property
    def log_bytes(self) -> int:
        """How many bytes of logs are carried."""
        return sum(log.mark.size - log.before.size for run in self.runs for log in run.logs)

    @property
    def file_bytes(self) -> int:
        """How many bytes of files are carried, each content once."""
        return sum(source.stamp.size for source in self.sources.values() if source.stamp is not None)


def gather(
    ready: Iterable[Ready],
    *,
    since: str | None = None,
    progress: Callable[[int], None] = lambda size: None,
    known: Callable[[Ready], Receipt | None] | None = None,
) -> Gathered:
    """Return what is to be carried of these logs; `progress` gets the bytes as they are digested.

    With `since`, only what no receipt covers of an importer whose id begins so, "" being any; with `known`, what is not
    in the receipt that it returns. Of logs with the same content one counts. Raises StorageError where a log can't be
    read.
    """
    gathered = Gathered()
    importers: set[str] = set()
    runs: dict[tuple[str, str, str], list[BundledLog]] = {}
    latest = ""
    for what in sorted(ready, key=lambda one: (one.entity, one.project, one.run, one.log_id, -one.end, str(one.log))):
        if not what.end or what.log_id in gathered.logs:  # nothing yet, or a copy, which is no further
            continue
        gathered.logs[what.log_id] = what.log
        carried = _carried(what, since)
        importers |= carried.keys()
        receipt = max(carried.values(), key=lambda one: (one.size, one.verified_at), default=known and known(what))
        log = _log(what, receipt, gathered, progress)
        if log.before == log.mark and not log.files:
            continue
        runs.setdefault((what.entity, what.project, what.run), []).append(log)
        if receipt is not None and receipt.verified_at >= latest:
            latest, gathered.previous = receipt.verified_at, str(receipt.progress.get("bundle", ""))
    gathered.runs = [BundledRun(*path, tuple(logs)) for path, logs in sorted(runs.items())]
    if len(importers) > 1:
        names = ", ".join(sorted(importers))
        gathered.notes.append(f"receipts of several importers were taken together ({names}); --for ID goes by one")
    return gathered


def _carried(what: Ready, since: str | None) -> dict[str, Receipt]:
    """Return what was proven to have arrived by hand, by importer."""
    found = {} if since is None else receipts.load(what.log, what.log_id)
    return {identity: one for identity, one in found.items() if identity.startswith(f"{CARRIED}{since or ''}")}


def _log(what: Ready, receipt: Receipt | None, gathered: Gathered, progress: Callable[[int], None]) -> BundledLog:
    digest, before = SegmentDigest(), EMPTY_MARK
    try:
        with what.log.open("rb", buffering=0) as file:
            if receipt is not None and 0 < receipt.size <= what.end:
                with contextlib.suppress(ValueError):  # a receipt that was changed: all is carried again
                    digest = SegmentDigest.resume(receipt.size, receipt.chain, _open_bytes(file.fileno(), receipt.size))
                    before = digest.mark()
            for at in range(digest.size, what.end, _READ_BYTES):
                some = os.pread(file.fileno(), min(_READ_BYTES, what.end - at), at)
                digest.update(some)
                progress(len(some))
    except OSError as error:
        raise StorageError(f"{what.log}: can't be read ({error.strerror})") from error
    if digest.size != what.end:
        raise StorageError(f"{what.log}: ends at {digest.size:,}, and had {what.end:,} bytes when it was indexed")
    gathered.sources["logs", what.log_id] = Source(what.log)
    times = [0]
    files = tuple(_files(what, receipt, gathered, progress, times)) if lies_beside(what.log, what.end) else ()
    folder = what.log.parent.name.lstrip(".") or "run"  # a hidden one would be found by nobody
    return BundledLog(what.log_id, folder, what.log.name, before, digest.mark(), what.records, files, max(times))


def _files(
    what: Ready, receipt: Receipt | None, gathered: Gathered, progress: Callable[[int], None], times: list[int]
) -> Iterator[FileEntry]:
    """Yield the files beside a log that are not proven to have arrived as they are; add when any was changed."""
    for folder in FOLDERS:
        arrived = {} if receipt is None else receipt.blobs if folder == BLOBS else receipt.files
        for path in regular_files(what.log.parent, folder, gathered.notes):
            place = what.log.parent / folder / path
            try:
                now = place.stat()
                if folder == FILES:  # what artifacts are made of never changes
                    times.append(now.st_mtime_ns)
                known = arrived.get(path)
                if known is not None and (known.size, known.mtime_ns) == (now.st_size, now.st_mtime_ns):
                    continue
                source = gathered.copied(place) if what.is_live and folder == FILES else place
                stamp = stamp_of(source, source.stat().st_mtime_ns)
            except FileNotFoundError:  # deleted since it was listed
                continue
            except OSError as error:
                gathered.notes.append(f"{place}: can't be read ({error.strerror}), and is left out")
                continue
            progress(stamp.size)
            if _unfit(path):
                gathered.notes.append(f"{place}: {_unfit(path)}, and is left out")
                continue
            if names_its_digest(folder, path) and path != stamp.sha256:
                gathered.notes.append(f"{place}: is damaged: its bytes are not those that its name says; left out")
                continue
            if known is None or known.sha256 != stamp.sha256:
                gathered.sources["blobs", stamp.sha256] = Source(source, stamp)
                yield FileEntry(path, stamp.size, stamp.sha256, folder)


def _unfit(path: str) -> str:
    """Return why a file of that path can't be in a bundle, "" where it can."""
    try:
        check_inside(path)
    except UsageError as error:
        return str(error)
    return ""


def _open_bytes(file: int, size: int) -> bytes:
    length = open_length(size)
    return os.pread(file, length, size - length)
