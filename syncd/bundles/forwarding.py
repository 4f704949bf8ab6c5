"""Bring what was imported to a hub, and have receipts only for what that has proven to hold.

A bundle goes on from what came in bundles before. So logs stay in the folder between, under RUNSTORE_HOME: without it,
only what begins anew could be taken; it is made again from full bundles. Files and artifacts, which nothing goes on
from, are removed there once the hub has proven them and receipts say so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.indexer import Indexer
from runstore.paths import find_logs
from runstore.runlog.codec import log_identity
from runstore.syncd import receipts
from runstore.syncd.bundles.importing import Import
from runstore.syncd.bundles.manifest import BundledLog, BundledRun
from runstore.syncd.bundles.relays import relay_folder
from runstore.syncd.delivery import Report
from runstore.syncd.oneround import Round
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.remotes.configured import open_remote

_INDEX = "index.db"


class Forwarding:
    """The way from `folder`, into which is imported, to a hub; what raises as a round of deliveries does says so."""

    def __init__(self, hub: str, progress: Callable[[int], None] = lambda size: None) -> None:
        """`hub` is a name or URL; raises as `relay_folder` does."""
        self._hub, self._progress = hub, progress
        self.folder = relay_folder(hub)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._identity = ""

    def check(self) -> None:
        """Ask the hub who it is. Raises as deliveries do, so that nothing need be read while it can't be reached."""
        with closing(open_remote(self._hub)) as opened:
            self._identity = opened.identity()

    def forward(self, importing: Import) -> set[str]:
        """Deliver the runs that an import into the folder has brought; return the bundles that are not proven whole.

        Runs that are not proven afterwards are no longer `done`, but waiting. Raises as a round of deliveries does;
        then nothing may be said of any.
        """
        done = [(bundle, run) for bundle, one in importing.bundles.items() for run in one.done]
        logs = sorted({path for _, run in done for path in importing.paths_of(run)})
        if not logs:
            return set()
        report = self._delivered(logs)
        self.check()
        unproven = set()
        for bundle, run in done:
            why = self._unproven(importing, run, report)
            if why:
                unproven.add(bundle)
                importing.bundles[bundle].done.remove(run)
                importing.bundles[bundle].waiting[run.path] = f"{self._hub}: {why}"
        return unproven

    def clean(self) -> None:
        """Remove the files and artifacts that the hub has proven to hold; only once receipts say so, to whom it may
        concern: of what is not there no receipt is written.
        """
        for folder in self.folder.iterdir():
            if (folder / FILES).is_dir() or (folder / BLOBS).is_dir():
                for log in find_logs(folder):
                    receipt = receipts.load(log, _log_id(log)).get(self._identity)
                    if receipt is not None:
                        _remove(folder / FILES, receipt.files)
                        _remove(folder / BLOBS, receipt.blobs)

    def _delivered(self, logs: list[Path]) -> Report:
        deliveries = Round(self._hub, logs, self._progress)
        with closing(Indexer(self.folder.parent / _INDEX)) as indexer, closing(deliveries):
            return deliveries.run(indexer)

    def _unproven(self, importing: Import, run: BundledRun, report: Report) -> str:
        """Return why a run does not count as held by the hub; "" where it does."""
        for log, path in zip(run.logs, importing.paths_of(run), strict=True):
            receipt = receipts.load(path, log.log_id).get(self._identity)
            if receipt is None or not _covers(receipt, log, path.parent):
                return report.errors.get(str(path)) or "it does not hold all of it yet; import the bundle again"
        return ""


def _covers(receipt: Receipt, log: BundledLog, run: Path) -> bool:
    """Return whether a hub has proven to hold what came of a log, and the files that came with it.

    One that a later bundle has replaced, or that is gone, is claimed by no receipt; of the others it must be as it is.
    """
    if receipt.size < log.mark.size:
        return False
    for file in log.files:
        try:
            now = (run / file.folder / file.path).lstat()
        except OSError:
            continue
        held = (receipt.blobs if file.folder == BLOBS else receipt.files).get(file.path)
        if held is None or (held.size, held.mtime_ns) != (now.st_size, now.st_mtime_ns):
            return False
    return True


def _log_id(log: Path) -> str:
    with contextlib.suppress(LogError, NotFound, OSError):
        found = log_identity(log)
        return found.log_id if found else ""
    return ""


def _remove(folder: Path, held: Mapping[str, FileStamp]) -> None:
    """Remove files that are as their stamps say, and the folders that are empty then."""
    for path, stamp in held.items():
        place = folder / path
        with contextlib.suppress(OSError):
            now = place.lstat()
            if (now.st_size, now.st_mtime_ns) == (stamp.size, stamp.mtime_ns):
                place.unlink()
    for place in sorted((each for each in folder.rglob("*") if each.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            place.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()
