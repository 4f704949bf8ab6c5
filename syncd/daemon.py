"""The daemon: discover, watch, tail, index, deliver; once for each machine.

The main thread watches and indexes; each target has a courier beside it, so that one that is down holds up nothing.
Here is the daemon's life: its beginning and end, its turns, its trouble. What it does about a log says `Intake`.
All that lasts is in the logs, the receipts beside them and the index: the daemon can be killed at any moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from runstore.errors import IndexUnusable, RunstoreError, StorageError, UnfitPath
from runstore.index.discovery import Changes
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.syncd import metrics
from runstore.syncd.couriers import courier_for
from runstore.syncd.fanout import FanOut
from runstore.syncd.intake import Intake
from runstore.syncd.lock import DaemonLock
from runstore.syncd.mirrors import Mirrors
from runstore.syncd.rescuer import Rescuer
from runstore.syncd.settling import Settling
from runstore.syncd.steering import Steering
from runstore.syncd.suspends import Suspends
from runstore.syncd.targets import Targets
from runstore.syncd.telling import told
from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.roots import Root, Roots
from runstore.syncd.watching.scanner import Scanner
from runstore.syncd.watching.watcher import Watcher

# Every log is looked at this often, whatever the watcher says, or so much more seldom that it takes no more than this
# part of the time. A look costs one stat.
SCAN_SECONDS = 10.0
SCAN_MOST_SECONDS = 3600.0
SCAN_SHARE = 0.001
# Events of a busy log come by the hundred: they are gathered this long before the log is read.
GATHER_SECONDS = 0.2
# Sealing the chunks of ended runs may hold up the logs of others this long.
SEAL_SECONDS = 0.2
# Looking whether processes are gone that say nothing may hold up logs this long.
END_SECONDS = 0.05
# After trouble with the index (a full disk, a lock) it is tried again so much later.
RETRY_SECONDS = 5.0
# How long a stop waits for the delivery that is under way, and for rows that are not written: the logs have them.
STOP_SECONDS = 1.0
CLOSE_SECONDS = 0.3
# The main thread has a turn every second or so, and after each piece that it reads; later than this, something hangs.
SILENT_SECONDS = 60.0
# After so long a sleep of the machine, the network may be another.
SLEPT_SECONDS = 30.0

logger = logging.getLogger("runstore.daemon")


class Daemon:
    """Watch folders, index what is logged below them, and deliver it, all as `load` says; see `FanOut.load`."""

    def __init__(self, home: Path, load: Callable[[], FanOut] = FanOut.load) -> None:
        self._lock = DaemonLock(home)
        fan_out = load()
        self._metrics_port = fan_out.configuration.metrics_port
        self._watcher = Watcher(_roots_of(fan_out))
        self._settling = Settling(lambda what: self._targets.wanting(what))
        self._targets = Targets(fan_out, lambda name, policy: courier_for(name, policy, self._settling.proven))
        self._mirrors = Mirrors(fan_out.configuration.mirrors)
        self._rescuer = Rescuer()
        self._intake = Intake(self._watcher, self._targets, self._settling, self._rescuer)
        scanning = Pace(SCAN_SECONDS, SCAN_MOST_SECONDS, SCAN_SHARE)
        self._scanner = Scanner(self._look, self._watcher.wake, scanning)
        self._steering = Steering(
            home,
            self._targets,
            load,
            wake=self._watcher.wake,
            figures=lambda: metrics.text(self.status("none")),
            commands={"status": self._status_asked, "stop": lambda _: self._stop_asked()},
        )
        self._suspends = Suspends()
        self._stopping = False
        self._started_at = time.time()
        self._turn_at = time.monotonic()

    def run(self) -> None:
        """Work until `stop`; raises DaemonError where another daemon runs for this home."""
        self._lock.take()
        indexer = LiveIndexer()
        self._intake.begin(indexer)
        for problem in self._watcher.start():
            logger.warning('event=no-events reason="%s"', problem)
        self._targets.start()
        self._mirrors.start()
        self._remember_roots(indexer)
        self._rescuer.start()
        self._scanner.start()
        self._steering.start(self._metrics_port)
        logger.info("event=started pid=%d roots=%s", os.getpid(), ",".join(map(str, self._watcher.paths)))
        try:
            while not self._stopping:
                indexer = self._worked(indexer)
        finally:
            self._watcher.stop()
            self._targets.stop(STOP_SECONDS)
            self._mirrors.stop(CLOSE_SECONDS)
            self._rescuer.stop(CLOSE_SECONDS)
            self._scanner.stop(CLOSE_SECONDS)
            self._steering.stop()
            _close(indexer)
            self._lock.release()
            logger.info("event=stopped pid=%d", os.getpid())

    def stop(self) -> None:
        """Let `run` return soon. Safe in a signal handler of the main thread."""
        self._stopping = True
        self._watcher.wake()

    def reload(self) -> None:
        """Read the configuration again soon. Safe in a signal handler of the main thread."""
        self._steering.ask_to_reload()
        self._watcher.wake()

    def status(self, which: str = "all") -> dict[str, Any]:
        """Return what `runstore daemon status --json` prints; `which` logs it tells of, telling.py says."""
        return {
            "pid": os.getpid(),
            "started_at": self._started_at,
            "watching": [str(root) for root in self._watcher.paths],
            "roots": self._watcher.status(),
            "rescued": self._rescuer.status(),
            "remotes": self._targets.status(),
            "mirrors": self._mirrors.status(),
            "problems": [*self._steering.problems(), *self._silence()],
            **told(list(self._intake.known.values()), list(self._targets), which),
            "errors": {str(path): sentence for path, sentence in list(self._intake.errors.items())},
        }

    def _silence(self) -> list[str]:
        """Return, in a sentence, that the main thread does not come to its next turn; others still answer then."""
        seconds = time.monotonic() - self._turn_at
        if seconds < SILENT_SECONDS:
            return []
        return [f"no log was looked at for {seconds:,.0f} s: a disk does not answer, or the daemon hangs; restart it"]

    def _status_asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self.status(str(request.get("logs", "all")))

    def _stop_asked(self) -> dict[str, Any]:
        self.stop()
        return {"stopping": True, "pid": os.getpid()}

    def _worked(self, indexer: LiveIndexer) -> LiveIndexer:
        """Work until a stop, or until the index makes trouble; return the indexer to go on with."""
        try:
            self._work(indexer)
            return indexer
        except (IndexUnusable, StorageError) as error:
            logger.error('event=index-unusable error="%s"', error)
            self._intake.errors = {indexer.path: str(error)}
        again_at = time.monotonic() + (0 if indexer.connection.is_replaced else RETRY_SECONDS)
        while time.monotonic() < again_at and not self._stopping:
            time.sleep(GATHER_SECONDS)
        try:
            fresh = LiveIndexer()
            self._remember_roots(fresh)
        except RunstoreError as error:
            logger.error('event=index-unusable error="%s"', error)
            return indexer
        _close(indexer)
        self._intake.go_on(fresh)
        self._scanner.begin_anew()
        return fresh

    def _work(self, indexer: LiveIndexer) -> None:
        self._watcher.scan()
        while not self._stopping:
            self._turn_at = time.monotonic()
            if indexer.connection.is_replaced:
                raise IndexUnusable(f"{indexer.path}: another index lies there now")
            self._steer(indexer)
            found = self._scanner.take()
            if found is not None:
                self._intake.take_in(found)
            # A signal can't notify: the wait is short enough that a stop is soon seen.
            changed = self._watcher.changed(0 if self._intake.is_behind else min(1.0, SCAN_SECONDS))
            self._intake.read(changed, lambda: self._stopping)
            indexer.write_due()
            self._intake.look_for_ends(END_SECONDS)
            self._settling.work(indexer, self._intake.known)
            if not changed and not self._intake.is_behind:
                indexer.seal_for(SEAL_SECONDS)
            if not self._intake.is_behind:
                time.sleep(GATHER_SECONDS)

    def _steer(self, indexer: LiveIndexer) -> None:
        """Go on by another configuration, if there is one, and with what waits for a network, if that may be back."""
        self._lock.keep()
        fan_out = self._steering.news()
        if fan_out is not None:
            self._apply(indexer, fan_out)
            self._steering.applied(fan_out)
        slept = self._suspends.slept()
        if slept > SLEPT_SECONDS:
            logger.info("event=slept seconds=%.0f", slept)
            self._targets.hurry()
            self._mirrors.hurry()

    def _apply(self, indexer: LiveIndexer, fan_out: FanOut) -> None:
        roots = _roots_of(fan_out)
        for problem in self._watcher.set_roots(roots):
            logger.warning('event=no-events reason="%s"', problem)
        self._remember_roots(indexer)
        self._intake.keep_to(Roots(roots))
        self._targets.apply(fan_out, list(self._intake.known.values()))
        self._settling.targets_changed(self._intake.known)
        self._mirrors.apply(fan_out.configuration.mirrors)

    def _remember_roots(self, indexer: LiveIndexer) -> None:
        for root in self._watcher.paths:
            try:
                indexer.add_root(root)
            except UnfitPath as error:  # one that was written into the configuration by hand
                logger.error('event=unfit-root error="%s"', error)

    def _look(self) -> Changes:
        """Return what is not as the index has it; the scanner's thread asks."""
        with closing(Indexer()) as indexer:
            return indexer.changes_below(self._watcher.present(), self._watcher.skips)


def _roots_of(fan_out: FanOut) -> list[Root]:
    return [Root(root.path, root.ignore) for root in fan_out.configuration.roots]


def _close(indexer: LiveIndexer) -> None:
    """Write what is in memory, if that can be: it is in the logs, too."""
    try:
        indexer.close(CLOSE_SECONDS)
    except (IndexUnusable, StorageError) as error:
        logger.error('event=index-unusable error="%s"', error)
        indexer.connection.close()
