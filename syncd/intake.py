"""The logs that the daemon knows: each read a piece at a time, and given to the targets when there is news of it.

News is a log that has grown, or a file beside it that is another than before. Some of what is said of a run decides
which targets get it: where that changes, all its logs are given anew.

Rules of this file: called by the daemon's main thread alone, which owns the index; others only look at `known` and
`errors`. How far a log was read is in the index, so what is here may be lost at any moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from runstore.index.discovery import Changes
from runstore.index.live import LiveIndexer
from runstore.paths import is_edit_log_name
from runstore.syncd.delivery import Ready, logs_of_run, ready
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.rescuer import Rescuer
from runstore.syncd.settling import Settling
from runstore.syncd.tailing import Tails
from runstore.syncd.targets import Targets
from runstore.syncd.unended import Unended
from runstore.syncd.watching.roots import Roots
from runstore.syncd.watching.watcher import Watcher

# At each scan, the files are looked at of runs whose log has grown in these last seconds, if they are live or among so
# many that grew last; those of all others as the watcher sweeps.
FILES_SCAN_SECONDS = 600.0
FILES_SCAN_MOST = 64
# While there is much to read, it is looked for events, a stop and what is due this often.
READ_SECONDS = 0.5

logger = logging.getLogger("runstore.daemon")


class Intake:
    """Takes in what `watcher` or a scan found, and gives it to `targets`; works from `begin` on."""

    def __init__(self, watcher: Watcher, targets: Targets, settling: Settling, rescuer: Rescuer) -> None:
        self._watcher, self._targets, self._settling, self._rescuer = watcher, targets, settling, rescuer
        self.known: dict[Path, Ready] = {}
        self.errors: dict[Path, str] = {}  # what can't be read, and why
        self._unended = Unended()
        self._files: dict[Path, float] = {}  # when something beside a known log changed last

    def begin(self, indexer: LiveIndexer) -> None:
        """Index with this one; nothing else here may be called before."""
        self._indexer, self._tails = indexer, Tails(indexer)

    def go_on(self, indexer: LiveIndexer) -> None:
        """Index with this one from now on; what waits to be read goes on waiting."""
        self._indexer = indexer
        self._tails.use(indexer)

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be read."""
        return bool(self._tails)

    def keep_to(self, roots: Roots) -> None:
        """Drop the logs that lie below none of these; they stay in the index."""
        for log in [log for log in self.known if not roots.cover(str(log))]:
            del self.known[log]
            self._files.pop(log, None)
            self._unended.forget(log)
            self._tails.forget(log)
            self._watcher.gone(log)
            self._targets.forget(log)

    def read(self, changed: Iterable[Path], stopping: Callable[[], bool]) -> None:
        """Index a part of what waits to be read, and let it be delivered; ends sooner when `stopping` says so."""
        self._tails.note(changed)
        for log in self._tails.work(READ_SECONDS, stopping):
            if self.errors.pop(log, None) is not None:
                logger.info("event=readable log=%s", log)
            self._take(log)
        for log in self._tails.take_gone():
            self._gone(log)
        for log, sentence in self._tails.errors.items():
            if self.errors.get(log) != sentence:
                logger.error('event=unreadable log=%s error="%s"', log, sentence)
        self.errors = dict(self._tails.errors)

    def take_in(self, found: Changes) -> None:
        """Index what nobody told of, and let it be delivered, and what has grown lately with its files."""
        found.gone = [log for log in found.gone if self._watcher.is_gone(log)]
        self._indexer.take_in(replace(found, logs=[]))
        live = set(self._watcher.live())
        grown = self._indexer.grown_since(time.time() - FILES_SCAN_SECONDS)
        recent = [log for place, log in enumerate(grown) if place < FILES_SCAN_MOST or log in live]
        self._tails.note(found.logs)
        self._watcher.note((*found.gone, *recent))

    def look_for_ends(self, seconds: float) -> None:
        """Give runs anew that turn out to be over, since their process is gone, to targets that want to know that."""
        for what in self._unended.over(self._indexer.connection, seconds):
            self._targets.give_ended(what)

    def _take(self, log: Path) -> None:
        """Give a log that was read to the couriers if it, or a file of the run, has changed."""
        self._indexer.rescue(log, seconds=0)  # links alone: what takes longer is not waited for here
        what = ready(self._indexer, log)
        if what is None:
            return
        self._watcher.follow(log, what.is_live or not what.has_ended)
        self._unended.note(what)
        files = 0.0 if is_edit_log_name(log.name) else _files_changed_at(log)
        before = self.known.get(log)
        if before != what or self._files.get(log) != files:
            self._settling.changed(what, self.known, files)
            self.known[log], self._files[log] = what, files
            self._targets.give(what)
            self._rescuer.wake()
        if before != what and (is_edit_log_name(log.name) or (before is not None and before.tags != what.tags)):
            self._give_anew(what)

    def _give_anew(self, what: Ready) -> None:
        """Give the other logs of a run of which something was changed, by which targets may choose."""
        for log in logs_of_run(self._indexer, what):
            before = self.known.get(log)
            after = ready(self._indexer, log) if before is not None and log != what.log else None
            if after is not None and after != before:
                self.known[log] = after
                self._targets.give(after)

    def _gone(self, log: Path) -> None:
        if not self._watcher.is_gone(log):
            return  # the file system is away
        self._watcher.gone(log)
        if self.known.pop(log, None) is not None:
            self._files.pop(log, None)
            self._indexer.forget(log)
            self._unended.forget(log)
            self._targets.forget(log)


def _files_changed_at(log: Path) -> float:
    """Return the latest time at which something in the run's `files` or `blobs` changed; 0 where there is nothing."""
    latest = _changed_at(log.parent / BLOBS)  # which come and go, and never change: the folder tells
    for folder, _, names in os.walk(log.parent / FILES):
        for name in (".", *names):
            latest = max(latest, _changed_at(os.path.join(folder, name)))
    return latest


def _changed_at(path: str | Path) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
