"""The files of runs on a hub, for its pages: what was delivered with their logs, in the hub's blobs.

A log names paths of the machine that it was written on. None of them is opened here, or even looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from runstore.core.rescued import list_blob
from runstore.errors import NotFound
from runstore.index.rescue.lost import NotKept
from runstore.query.artifacts.registry import Entry, Registry, Version
from runstore.query.artifacts.whereabouts import Whereabouts, whereabouts_unknown
from runstore.query.stored.run import StoredRun
from runstore.syncd.hub.storage import Storage
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry
from runstore.syncd.untrusted import is_digest
from runstore.web.places import Kept


class DeliveredFiles:
    """Places of the files that were delivered with logs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, run: StoredRun, kind: str, path: str) -> BinaryIO:
        """Return an open file; of files of one path that came with several logs, the one of the latest log."""
        for log in reversed(run.logs):
            held = self._beside(Path(log), path, kind)
            if held is not None:
                return held.open("rb", buffering=0)
        raise NotFound(f"no {path!r} of run {run.id} is held here; it may still be on the way")

    def files(self, run: StoredRun) -> list[Kept]:
        """Return the files that are held."""
        found: dict[str, Kept] = {}
        for log_id in _log_ids(run):
            for entry in self._storage.files(log_id, FILES):
                kept = self._kept(entry)
                if kept is not None:
                    found.setdefault(entry.path, kept)
        return [found[path] for path in sorted(found)]

    def missing(self, run: StoredRun) -> list[NotKept]:
        """Return what stock tools' logs name that was not delivered with them; why, only their machine knows."""

        def is_held(log: Path, blob: str, one: NotKept) -> bool:
            as_file = None if one.artifact else self._beside(log, one.path, FILES)
            return (as_file or self._beside(log, blob, BLOBS)) is not None

        return [replace(one, reason="it was not delivered") for one in run.not_kept(is_held)]

    def of_artifact(self, known: Registry, version: Version, entries: Sequence[Entry]) -> list[Whereabouts]:
        """Return where entries are said to be; whether their bytes are held shows when they are opened."""
        return whereabouts_unknown(entries)

    def lists(self, named: Path, log: Path) -> list[Path]:
        """Return what was delivered with a log as the list of an artifact's files, which it says is at `named`."""
        held = [self._beside(log, name, BLOBS) for name in (named.name, list_blob(str(named)))]
        return [path for path in held if path is not None]

    def _beside(self, log: Path, path: str, folder: str) -> Path | None:
        """Return the bytes that were delivered under a path beside a log: its own folder is called by its id."""
        log_id = log.parent.name
        return self._storage.held(log_id, path, folder) if is_digest(log_id) else None

    def _kept(self, entry: FileEntry) -> Kept | None:
        try:
            return Kept(entry.path, entry.size, os.stat(self._storage.blobs.path(entry.sha256)).st_mtime)
        except OSError:
            return None


def _log_ids(run: StoredRun) -> Iterator[str]:
    """Yield the ids of a run's logs, the latest first: logs lie in folders that are called so."""
    for log in reversed(run.logs):
        log_id = Path(log).parent.name
        if is_digest(log_id):
            yield log_id
