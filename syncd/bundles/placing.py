"""Put what came in a bundle to its place below a folder of runs: a log grows by what it lacks, files get their names.

A run is looked at whole before anything of it is written. Each step may be repeated, and killed anywhere: a log is a
prefix of the true one at any moment, a file the old or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runstore.core.segments import SegmentDigest, open_length
from runstore.errors import LogError, RunstoreError, StorageError
from runstore.runlog.codec import log_identity
from runstore.syncd.bundles.below import InTheWay
from runstore.syncd.bundles.manifest import BundledLog, BundledRun, Content, Member, Piece, WrongBundle, log_proof
from runstore.syncd.bundles.staging import Staging, refusing_disk
from runstore.syncd.bundles.whereabouts import Whereabouts
from runstore.syncd.remotes.base import FileEntry

_READ_BYTES = 1 << 20
_Place = tuple[str, str, str]  # of a file: the id of the log that it lies beside, folder and path
_SYNCED_ONE_BY_ONE = 1000  # files; for more, all that is to be written to disks is


class Waits(RunstoreError):
    """A run can't be placed yet; the sentence says what it waits for."""


class BadPieces(WrongBundle):
    """Staged pieces of a log or file don't come to what the bundle says; `were_there`: before this import."""

    def __init__(self, sentence: str, were_there: bool) -> None:
        super().__init__(sentence)
        self.were_there = were_there


@dataclass
class _Fit:
    """How a log of a bundle fits to what is here: where it goes, its size there, and what it gets.

    `fresh` is a new log, whole and proven; `pieces` are what one that is here lacks; `same` are files that are here.
    """

    log: BundledLog
    path: Path
    size: int
    fresh: Path | None = None
    pieces: list[Member] = field(default_factory=list)
    files: dict[FileEntry, Path] = field(default_factory=dict)
    same: list[FileEntry] = field(default_factory=list)


class Placing:
    """Places runs of bundles; `new_bytes` of logs and `new_files` were written."""

    def __init__(self, staging: Staging, whereabouts: Whereabouts, contents: Iterable[Content]) -> None:
        """`contents` are of all bundles that are to be placed."""
        self._staging, self._whereabouts, self._below = staging, whereabouts, whereabouts.below
        self._places: dict[str, set[_Place]] = {}  # that are to get a file, by its digest
        for content in contents:
            for log in (log for run in content.runs for log in run.logs):
                for file in log.files:
                    self._places.setdefault(file.sha256, set()).add((log.log_id, file.folder, file.path))
        self._placed: set[Path] = set()  # logs and files, whoever wrote them
        self.new_bytes = 0
        self.new_files = 0

    def place(self, run: BundledRun, bundle: str, previous: str) -> None:
        """Place a run of a bundle. Raises Waits where something is missing, WrongBundle where it is not what is here,
        InTheWay, and StorageError where the disk refuses.
        """
        fits = [self._fit(log, bundle, previous) for log in run.logs]
        for put in (self._put_files, self._grow):  # logs last: with them, the run is there
            for fit in fits:
                with refusing_disk(self._below.root / fit.path):
                    put(fit)
        for fit in fits:
            self._keep_state(fit, bundle)

    def settle(self) -> None:
        """Make durable what was written: only then may anybody be told. Raises StorageError."""
        with refusing_disk(self._below.root):
            if len(self._placed) > _SYNCED_ONE_BY_ONE:
                os.sync()
                return
            folders = {folder for path in self._placed for folder in path.parents}
            for place in (*self._placed, *folders):
                self._below.sync(place)

    def held(self, run: BundledRun) -> BundledRun:
        """Return what a receipt may say of a run that was placed: of files only those that are here as they came."""
        logs = []
        for log in run.logs:
            folder = self._whereabouts.place_of(log).parent
            here = (file for file in log.files if self._whereabouts.has(folder / file.folder / file.path, file))
            logs.append(replace(log, files=tuple(here)))
        return replace(run, logs=tuple(logs))

    def _fit(self, log: BundledLog, bundle: str, previous: str) -> _Fit:
        path = self._whereabouts.place_of(log)
        ledger = self._staging.ledger(log.log_id)
        size, digest = self._standing(path, log, ledger)
        fit = _Fit(log, path, size)
        if size < log.mark.size:
            self._find_bytes(fit, digest)
        elif digest.mark() != log.mark:
            raise WrongBundle(f"{self._below.root / path} has other bytes than the bundle; nothing was changed")
        for file in log.files:
            place = path.parent / file.folder / file.path
            if self._whereabouts.has(place, file):
                fit.same.append(file)
            elif _is_newer(file, log, ledger, bundle, previous):
                fit.files[file] = self._source(file)
        return fit

    def _standing(self, path: Path, log: BundledLog, ledger: dict[str, Any]) -> tuple[int, SegmentDigest]:
        """Return the size of a log that is here, and the digest of as many of its bytes as the bundle's log has."""
        digest = SegmentDigest()
        try:
            with self._below.reading(path) as file:
                about = os.fstat(file.fileno())
                if ledger.get("log") == [about.st_size, about.st_mtime_ns] and about.st_size <= log.mark.size:
                    # As it was left by the last import, which had its digest: what is sealed need not be read again.
                    length = open_length(about.st_size)
                    open_bytes = os.pread(file.fileno(), length, about.st_size - length)
                    return about.st_size, SegmentDigest.resume(about.st_size, str(ledger["chain"]), open_bytes)
                left = min(about.st_size, log.mark.size)
                while left and (some := file.read(min(left, _READ_BYTES))):
                    digest.update(some)
                    left -= len(some)
        except FileNotFoundError:
            return 0, digest
        except (OSError, ValueError) as error:
            raise InTheWay(f"{self._below.root / path}: can't be read ({error}); nothing was changed") from error
        return about.st_size, digest

    def _find_bytes(self, fit: _Fit, digest: SegmentDigest) -> None:
        """Find what a log lacks, and see that it comes to what the bundle says."""
        log, size = fit.log, fit.size
        if size < log.before.size:
            raise Waits(f"the bundle before: {log.name} has {size:,} bytes here, and goes on at {log.before.size:,}")
        if not size:
            whole = Piece("logs", log.log_id, 0, log.mark.size)
            fit.fresh = self._whole(whole, log_proof(log.mark))
            if _log_id(fit.fresh) != log.log_id:
                raise WrongBundle(f"{log.name} is another log than the bundle says; nothing of it was kept")
            return
        pieces = self._staging.pieces("logs", log.log_id, size, log.mark.size)
        if pieces is None:
            raise Waits("other parts of this bundle")
        for some in self._staging.read(pieces, size, log.mark.size):
            digest.update(some)
        if digest.mark() != log.mark:
            were_there = self._staging.drop("logs", log.log_id)
            place = self._below.root / fit.path
            raise BadPieces(f"{place} has other bytes than the bundle goes on from; nothing was changed", were_there)
        fit.pieces = pieces

    def _source(self, file: FileEntry) -> Path:
        return self._whole(Piece("blobs", file.sha256, 0, file.size), file.sha256)

    def _whole(self, piece: Piece, proof: str) -> Path:
        try:
            found = self._staging.whole(piece, proof)
        except WrongBundle as error:
            raise BadPieces(str(error), self._staging.drop(piece.kind, piece.digest)) from error
        if found is None:
            raise Waits("other parts of this bundle")
        return found

    def _put_files(self, fit: _Fit) -> None:
        """Give files their places: the staged bytes themselves where nobody else is to have them, else a copy."""
        for file in fit.log.files:
            places = self._places[file.sha256]
            places.discard((fit.log.log_id, file.folder, file.path))
            if file in fit.files:
                path = fit.path.parent / file.folder / file.path
                self._below.place(self._staging.given(fit.files[file], is_last=not places), path)
                self._whereabouts.note(path, file.sha256)
                self.new_files += 1

    def _grow(self, fit: _Fit) -> None:
        if fit.fresh is not None:
            with fit.fresh.open("rb") as file:
                os.fsync(file.fileno())
            self._below.place(self._staging.given(fit.fresh), fit.path)
        elif fit.pieces:
            with self._below.appending(fit.path) as file:
                if file.tell() != fit.size:
                    raise StorageError(f"{self._below.root / fit.path}: grew while it was imported; call it again")
                for some in self._staging.read(fit.pieces, fit.size, fit.log.mark.size):
                    file.write(some)
                file.flush()
                os.fsync(file.fileno())
        else:
            return
        self.new_bytes += fit.log.mark.size - fit.size

    def _keep_state(self, fit: _Fit, bundle: str) -> None:
        """Keep of which state of the log its files are, and what its digest was."""
        folder = fit.path.parent
        self._placed |= {fit.path, *(folder / file.folder / file.path for file in fit.log.files)}
        ledger = self._staging.ledger(fit.log.log_id)
        is_grown = bool(fit.fresh or fit.pieces)
        if is_grown:
            about = (self._below.root / fit.path).lstat()
            ledger |= {"log": [about.st_size, about.st_mtime_ns], "chain": fit.log.mark.chain}
        files = ledger.setdefault("files", {})
        is_changed = is_grown
        for file in (*fit.files, *fit.same):
            size, now, _, older, changed_at = _state_of(file, ledger)
            if file in fit.files or (size, changed_at) < (fit.log.mark.size, fit.log.changed_at):
                before = [each for each in (*older, now) if each and each != file.sha256]
                state = [fit.log.mark.size, file.sha256, bundle, before, fit.log.changed_at]
                files[f"{file.folder}/{file.path}"] = state
                is_changed = True
        if is_changed:
            self._staging.keep_ledger(fit.log.log_id, ledger)


def _log_id(log: Path) -> str:
    try:
        found = log_identity(log)
    except LogError:
        return ""
    return found.log_id if found else ""


def _state_of(file: FileEntry, ledger: dict[str, Any]) -> tuple[int, str, str, list[str], int]:
    """Return what is kept of a file that is here: the log's size then, its digest, the bundle that brought it, earlier
    digests, and when the files were changed.
    """
    kept = ledger.get("files", {}).get(f"{file.folder}/{file.path}")
    if not isinstance(kept, list) or len(kept) != 5:  # by another version, perhaps: as if it were not known
        return 0, "", "", [], 0
    size, now, brought_by, older, changed_at = kept
    return size, now, brought_by, older, changed_at


def _is_newer(file: FileEntry, log: BundledLog, ledger: dict[str, Any], bundle: str, previous: str) -> bool:
    """Whether a file is not one that a later bundle has brought in another state already.

    The log's size tells which is the later; with the same log, whether its bundle goes on from the one that brought
    what is here; else when files were changed. Where that is the same, what was here before is the older.
    """
    size, now, brought_by, older, changed_at = _state_of(file, ledger)
    if log.mark.size != size:
        return bool(log.mark.size > size)
    if file.sha256 == now or brought_by in (bundle, previous):
        return True
    if log.changed_at != changed_at and log.changed_at and changed_at:
        return log.changed_at > changed_at
    return file.sha256 not in older
