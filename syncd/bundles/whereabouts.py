"""Where the logs of a folder of runs are, and where new ones go: each run directory is that of one run."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from runstore.errors import LogError, NotFound
from runstore.paths import RUN_DIRECTORY_PREFIXES, find_logs, is_log_name, run_id_of
from runstore.runlog.codec import log_identity
from runstore.syncd.bundles.below import Below, InTheWay
from runstore.syncd.bundles.manifest import BundledLog
from runstore.syncd.bundles.parsing import MOST_NAME_BYTES
from runstore.syncd.remotes.base import FileEntry

_READ_BYTES = 1 << 20
_MOST_DIGITS = 10  # of a number behind a name that is ours
_MOMENT = re.compile(r"(?<=run-)\d{8}_\d{6}(?=-)")
_MOMENT_FORMAT = "%Y%m%d_%H%M%S"


class Whereabouts:
    """The logs below a folder, as they were there when this was made, or placed since; paths are relative to it.

    Costs a look at every folder. A log is opened only where one of its name is asked for: names hold the run's id.
    """

    def __init__(self, into: Path) -> None:
        self.below = Below(into)
        self._unopened: dict[str, list[Path]] = {}  # by the name of the log
        self._by_id: dict[str, Path] = {}
        self._called: dict[str, set[Path]] = {}  # by the name of the log: where such are, or are promised a place
        self._names: dict[str, set[str]] = {}  # of logs that are in a run directory, or promised a place there
        self._foreign: set[str] = set()  # folders that are here, and no run's
        self._last: dict[tuple[str, str], str] = {}  # by folder and name as bundles have them: where the last one went
        self._digests: dict[tuple[Path, int, int], str] = {}  # by path, size and time of change
        for log in find_logs(into):
            self._unopened.setdefault(log.name, []).append(log.relative_to(into))

    def place_of(self, log: BundledLog) -> Path:
        """Return where a log is, or is to be: no other log is promised that place, nor another run that folder."""
        for path in self._unopened.pop(log.name, ()):
            self._by_id.setdefault(_log_id(self.below.root / path), path)
            self._called.setdefault(log.name, set()).add(path)
        if log.log_id not in self._by_id:
            called = log.folder, log.name
            folder = self._last.get(called, log.folder)
            while not self._is_free(folder, log.name):
                folder = _next(folder)
            self._last[called] = folder
            self._names[folder].add(log.name)
            self._by_id[log.log_id] = Path(folder, log.name)
            self._called.setdefault(log.name, set()).add(Path(folder, log.name))
        return self._by_id[log.log_id]

    def others(self, log: BundledLog) -> list[Path]:
        """Return where other logs of the same name are, or are to be, in full."""
        mine = self.place_of(log)
        return sorted(self.below.root / path for path in self._called.get(log.name, ()) if path != mine)

    def size_of(self, path: Path) -> int:
        """Return how many bytes a log has; 0 where there is none, or something else."""
        try:
            with self.below.reading(path) as opened:
                return os.fstat(opened.fileno()).st_size
        except (OSError, InTheWay):
            return 0

    def has(self, path: Path, file: FileEntry) -> bool:
        """Return whether a regular file is at `path` with these bytes; one of another size is not read."""
        try:
            with self.below.reading(path) as opened:
                now = os.fstat(opened.fileno())
                known = path, now.st_size, now.st_mtime_ns
                if now.st_size != file.size:
                    return False
                if known not in self._digests:
                    self._digests[known] = _sha256(opened)
        except (OSError, InTheWay):  # which whoever writes it will say
            return False
        return self._digests[known] == file.sha256

    def note(self, path: Path, sha256: str) -> None:
        """Take note of the bytes that a file has now, which need not be read for it."""
        now = (self.below.root / path).lstat()
        self._digests[path, now.st_size, now.st_mtime_ns] = sha256

    def _is_free(self, folder: str, name: str) -> bool:
        """Whether a log may lie in a folder: there is none, or its run's, without another log of the name."""
        if folder not in self._names:
            try:
                there = self.below.names(folder)
            except InTheWay:
                return False
            self._names[folder] = set(filter(is_log_name, there or ()))
            if there and not self._names[folder] and not folder.startswith(RUN_DIRECTORY_PREFIXES):
                self._foreign.add(folder)  # a bundle calls its folders as it likes, and INTO may be anybody's
        runs = {run_id_of(Path(each)) for each in self._names[folder]}
        is_of_others = folder in self._foreign or not runs <= {run_id_of(Path(name))}
        return name not in self._names[folder] and not is_of_others


def _log_id(log: Path) -> str:
    """Return the id of a log, "" of what is none."""
    try:
        found = log_identity(log)
    except (LogError, NotFound, OSError):
        return ""
    return found.log_id if found else ""


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while some := file.read(_READ_BYTES):
        digest.update(some)
    return digest.hexdigest()


def _next(folder: str) -> str:
    """Return another name for a run directory: as our writers do, a second later; else with a number behind it."""
    found = _MOMENT.search(folder)
    if found:
        try:
            later = datetime.strptime(found[0], _MOMENT_FORMAT) + timedelta(seconds=1)
            return folder[: found.start()] + later.strftime(_MOMENT_FORMAT) + folder[found.end() :]
        except (ValueError, OverflowError):
            pass
    stem, _, number = folder.rpartition("~")
    is_numbered = bool(stem) and number.isdecimal() and len(number) < _MOST_DIGITS
    end = f"~{int(number) + 1}" if is_numbered else "~2"
    front = (stem if is_numbered else folder).encode()[: MOST_NAME_BYTES - len(end)]
    return front.decode("utf-8", "ignore") + end
