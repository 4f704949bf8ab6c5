"""What becomes of proofs: the index learns of them, and runs that are delivered as a whole are marked so.

Couriers tell of proofs in their threads; the daemon's main thread, which owns the index, sees to them when it has time.
Nothing is lost where it is killed before: the receipts are beside the logs, and every log is proven anew at a start.
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from runstore.index.indexer import Indexer
from runstore.index.rescue.outstanding import is_anything_open
from runstore.paths import is_edit_log_name
from runstore.syncd import marker
from runstore.syncd.couriers import AnyCourier
from runstore.syncd.delivery import Ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.upload import State

# Proofs of live logs come every second; what asks for them between two times is told by the couriers themselves.
WRITE_SECONDS = 5.0
# Looking through the directories of ended runs may hold up the logs of others this long.
MARK_SECONDS = 0.2
_MOST_AT_ONCE = 500  # logs, each a file to be read

logger = logging.getLogger("runstore.settling")


class Settling:
    """Call `proven` from anywhere, and all else from the thread that owns the index."""

    def __init__(
        self, couriers: Callable[[Ready], Sequence[AnyCourier]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`couriers` says which of them a log goes to."""
        self._couriers, self._clock = couriers, clock
        self._proofs: SimpleQueue[Ready] = SimpleQueue()
        self._to_mark: dict[Path, None] = {}  # run directories, in order
        self._rescuing: dict[Path, None] = {}  # likewise, into which something from outside is yet to come
        self._next_writing = clock()

    def proven(self, what: Ready, identity: str, receipt: Receipt) -> None:
        """Take note that a target has proven to hold a log, or what lies beside it."""
        self._proofs.put(what)

    def changed(self, what: Ready, known: Mapping[Path, Ready], files_changed_at: float) -> None:
        """Take back the mark of a run that is not as it was when it was marked; `known` does not know of it yet."""
        folder = what.log.parent
        if what.log in known and not is_edit_log_name(what.log.name) and not marker.is_put(what.log):
            return  # a live log, most often
        if marker.take_back(folder, {**_of_folder(folder, known), what.log: what}, files_changed_at):
            logger.info("event=unmarked folder=%s", folder)

    def targets_changed(self, known: Mapping[Path, Ready]) -> None:
        """Take back the marks of runs that go to a target which has not proven to hold them: one that is new."""
        for log, what in known.items():
            couriers = self._couriers(what)
            if marker.is_put(log) and couriers and not _is_verified(couriers, [log]):
                self.changed(what, {}, math.inf)

    def work(self, indexer: Indexer, known: Mapping[Path, Ready]) -> None:
        """Do what is due, for a moment at most."""
        if self._clock() >= self._next_writing:
            self.write(indexer)
            self._next_writing = self._clock() + (WRITE_SECONDS if self._proofs.empty() else 0.0)
        until = time.monotonic() + MARK_SECONDS
        while self._to_mark and time.monotonic() < until:
            folder = next(iter(self._to_mark))
            del self._to_mark[folder]
            self._mark(indexer, folder, _of_folder(folder, known))

    def write(self, indexer: Indexer) -> None:
        """Let the index know of the proofs so far, of many only the first."""
        logs: dict[Path, Ready] = {}
        while len(logs) < _MOST_AT_ONCE:
            try:
                what = self._proofs.get_nowait()
            except Empty:
                break
            logs[what.log] = what
        if logs:
            indexer.enter_deliveries(*logs)
        ended = (log.parent for log, what in logs.items() if what.has_ended or is_edit_log_name(log.name))
        self._to_mark.update(dict.fromkeys((*ended, *self._rescuing)))
        self._rescuing.clear()

    def _mark(self, indexer: Indexer, folder: Path, logs: Mapping[Path, Ready]) -> None:
        couriers = {courier.name: courier for what in logs.values() for courier in self._couriers(what)}
        if not couriers or all(marker.is_put(log) for log in logs):
            return
        if not all(courier.policy.marks_synced for courier in couriers.values()):
            return
        if not _is_verified(couriers.values(), logs):
            return  # the proof that is missing will bring it here again
        if not all(is_edit_log_name(log.name) or _has_exit(indexer.connection, log) for log in logs):
            return
        if any(courier.takes_runs for courier in couriers.values()) and marker.is_damaged(indexer.connection, logs):
            return
        if is_anything_open(indexer.connection, map(str, logs)):
            self._rescuing[folder] = None
        elif not marker.put(folder, logs, couriers):
            logger.info("event=marked folder=%s", folder)


def _of_folder(folder: Path, known: Mapping[Path, Ready]) -> dict[Path, Ready]:
    """Return the known logs in a folder; the folder is asked for their names, since it has few and the daemon many."""
    return {log: known[log] for log in folder.glob("run-*") if log in known}


def _has_exit(connection: sqlite3.Connection, log: Path) -> bool:
    """Return whether a log itself has an exit record; that its run ended may have been said in another."""
    found = connection.execute("SELECT state FROM logs WHERE path = ?", (str(log),)).fetchone()
    return found is not None and json.loads(found[0])["fold"]["facts"]["exit_code"] is not None


def _is_verified(couriers: Iterable[AnyCourier], logs: Iterable[Path]) -> bool:
    """Return whether every target has proven, since the daemon began, to hold every log and what lies beside it."""
    standings = (courier.standing(log) for courier in couriers for log in logs)
    return all(standing is not None and standing.state == State.VERIFIED.value for standing in standings)
