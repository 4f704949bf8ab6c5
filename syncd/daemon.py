"""The daemon: discover, watch, tail, index, deliver; once for each machine.

The main thread watches and indexes; each target has a courier beside it, so that one that is down holds up nothing.
All that lasts is in the logs, the receipts beside them and the index: the daemon can be killed at any moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runstore.errors import IndexUnusable, LogError, NotFound, RunstoreError, StorageError
from runstore.index.live import LiveIndexer
from runstore.paths import is_edit_log_name
from runstore.syncd.control import ControlServer, DaemonLock
from runstore.syncd.courier import Courier
from runstore.syncd.delivery import Ready, ready
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.rescuer import Rescuer
from runstore.syncd.watch import Watcher

# Every log is looked at this often, whatever events say. A look costs one stat.
SCAN_SECONDS = 10.0
# So are the files of runs whose log has grown in these last seconds; those of all others this often.
FILES_SCAN_SECONDS = 600.0
# Events of a busy log come by the hundred: they are gathered this long before the log is read.
GATHER_SECONDS = 0.2
# Sealing the chunks of ended runs may hold up the logs of others this long.
SEAL_SECONDS = 0.2
# After trouble with the index (a full disk, a lock) it is tried again so much later.
RETRY_SECONDS = 5.0
# How long a stop waits for the delivery that is under way.
STOP_SECONDS = 1.5

logger = logging.getLogger("runstore.daemon")


class Daemon:
    """Watch `roots`, index what is logged below them, and deliver it to the remotes of these names."""

    def __init__(self, home: Path, roots: Sequence[Path], remotes: Sequence[str]) -> None:
        self._lock = DaemonLock(home)
        self._watcher = Watcher([root.resolve() for root in roots])
        self._couriers = [Courier(name) for name in remotes]
        self._rescuer = Rescuer()
        self._control = ControlServer(home, {"status": self.status, "stop": self._stop_asked})
        self._stopping = False
        self._started_at = time.time()
        self._known: dict[Path, Ready] = {}
        self._files: dict[Path, float] = {}
        self._errors: dict[Path, str] = {}

    def run(self) -> None:
        """Work until `stop`; raises DaemonError where another daemon runs for this home."""
        self._lock.take()
        indexer = LiveIndexer()
        for problem in self._watcher.start():
            logger.warning('event=no-events reason="%s"', problem)
        for courier in self._couriers:
            courier.start()
        for root in self._watcher.roots:
            indexer.add_root(root)
        self._rescuer.start()
        self._control.start()
        logger.info("event=started pid=%d roots=%s", os.getpid(), ",".join(map(str, self._watcher.roots)))
        try:
            while not self._stopping:
                indexer = self._worked(indexer)
        finally:
            self._watcher.stop()
            for courier in self._couriers:
                courier.stop(STOP_SECONDS)
            self._rescuer.stop(STOP_SECONDS)
            self._control.stop()
            _close(indexer)
            logger.info("event=stopped pid=%d", os.getpid())

    def stop(self) -> None:
        """Let `run` return soon. Safe in a signal handler: it only sets a flag."""
        self._stopping = True

    def status(self) -> dict[str, Any]:
        """Return what `runstore daemon status --json` prints."""
        return {
            "pid": os.getpid(),
            "started_at": self._started_at,
            "watching": [str(root) for root in self._watcher.roots],
            "rescued": self._rescuer.status(),
            "remotes": [courier.status() for courier in self._couriers],
            "logs": [self._log_status(what) for what in list(self._known.values())],
            "errors": {str(path): sentence for path, sentence in list(self._errors.items())},
        }

    def _log_status(self, what: Ready) -> dict[str, Any]:
        """Return for one log how much is durable here, indexed, and proven to be delivered."""
        try:
            durable = what.log.stat().st_size
        except OSError:
            durable = 0
        delivered = {courier.name: courier.delivered(what.log) for courier in self._couriers}
        return {
            "run": what.run,
            "path": str(what.log),
            "durable_bytes": durable,
            "indexed_bytes": what.end,
            "indexed_records": what.records,
            "delivered_bytes": {name: size for name, (size, _) in delivered.items()},
            "delivered_records": {name: records for name, (_, records) in delivered.items()},
        }

    def _stop_asked(self) -> dict[str, Any]:
        self.stop()
        self._watcher.wake()
        return {"stopping": True, "pid": os.getpid()}

    def _worked(self, indexer: LiveIndexer) -> LiveIndexer:
        """Work until a stop, or until the index makes trouble; return the indexer to go on with."""
        try:
            self._work(indexer)
            return indexer
        except (IndexUnusable, StorageError) as error:
            logger.error('event=index-unusable error="%s"', error)
        again_at = time.monotonic() + (0 if indexer.connection.is_replaced else RETRY_SECONDS)
        while time.monotonic() < again_at and not self._stopping:
            time.sleep(GATHER_SECONDS)
        try:
            fresh = LiveIndexer()
            for root in self._watcher.roots:
                fresh.add_root(root)
        except RunstoreError as error:
            logger.error('event=index-unusable error="%s"', error)
            return indexer
        _close(indexer)
        return fresh

    def _work(self, indexer: LiveIndexer) -> None:
        next_scan = next_files_scan = 0.0
        while not self._stopping:
            if indexer.connection.is_replaced:
                raise IndexUnusable(f"{indexer.path}: another index lies there now")
            if time.monotonic() >= next_scan:
                self._scan(indexer)
                next_scan = time.monotonic() + SCAN_SECONDS
            if time.monotonic() >= next_files_scan:
                self._watcher.scan()
                next_files_scan = time.monotonic() + FILES_SCAN_SECONDS
            # A signal can't notify: the wait is short enough that a stop is soon seen.
            changed = self._watcher.changed(min(1.0, SCAN_SECONDS))
            for log in sorted(changed):
                self._take(indexer, log)
            indexer.write_due()
            if not changed:
                indexer.seal_for(SEAL_SECONDS)
            time.sleep(GATHER_SECONDS)

    def _scan(self, indexer: LiveIndexer) -> None:
        """Index what events did not tell of, and let it be delivered, and what has grown lately with its files."""
        found = indexer.changes_below(self._watcher.roots)
        indexer.take_in(found)
        recent = indexer.grown_since(time.time() - FILES_SCAN_SECONDS)
        self._watcher.note((*found.logs, *found.gone, *recent))

    def _take(self, indexer: LiveIndexer, log: Path) -> None:
        """Index what is new in one log, and give it to the couriers if it, or a file of the run, has changed."""
        try:
            indexer.catch_up(log)
        except NotFound:
            self._gone(indexer, log)
            return
        except LogError as error:
            if self._errors.get(log) != str(error):
                logger.error('event=unreadable log=%s error="%s"', log, error)
            self._errors[log] = str(error)
            return
        self._errors.pop(log, None)
        indexer.rescue(log, seconds=0)  # links alone: what takes longer is not waited for here
        self._rescuer.wake()
        what = ready(indexer, log)
        if what is None:
            return
        files = 0.0 if is_edit_log_name(log.name) else _files_changed_at(log)
        if self._known.get(log) != what or self._files.get(log) != files:
            self._known[log], self._files[log] = what, files
            for courier in self._couriers:
                courier.give(what)

    def _gone(self, indexer: LiveIndexer, log: Path) -> None:
        if self._known.pop(log, None) is not None:
            indexer.forget(log)
            for courier in self._couriers:
                courier.forget(log)


def _close(indexer: LiveIndexer) -> None:
    """Write what is in memory, if that can be: it is in the logs, too."""
    try:
        indexer.close()
    except (IndexUnusable, StorageError) as error:
        logger.error('event=index-unusable error="%s"', error)
        indexer.connection.close()


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
