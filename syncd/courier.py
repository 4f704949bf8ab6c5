"""Deliver to one target, beside everything else: its own thread, its own waiting, its own failures."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError
from runstore.syncd.delivery import Ready, Report, deliver_one
from runstore.syncd.remotes.base import Remote
from runstore.syncd.remotes.configured import open_remote
from runstore.syncd.retry import Backoff

# A live log is delivered at most this often: each delivery costs the target a sync of its disk.
SECONDS_BETWEEN_ROUNDS = 1.0

logger = logging.getLogger("runstore.courier")


class Courier:
    """Takes what is ready to be delivered, and delivers it to the remote `name` as soon as that can be reached."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: dict[Path, Ready] = {}
        self._delivered: dict[Path, Ready] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._backoff = Backoff()
        self._error = ""
        self._thread = threading.Thread(target=self._work, name=f"runstore-courier-{name}", daemon=True)
        self._totals = Report(name)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Stop after the log that is under way, waiting up to `seconds` for it; the rest comes the next time."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def give(self, what: Ready) -> None:
        """Take a log to be delivered, in place of an earlier state of it."""
        with self._changed:
            self._waiting[what.log] = what
            self._changed.notify_all()

    def forget(self, log: Path) -> None:
        """Drop a log that is gone."""
        with self._changed:
            self._waiting.pop(log, None)
            self._delivered.pop(log, None)

    def delivered(self, log: Path) -> tuple[int, int]:
        """Return how many bytes and records of a log the target was proven to hold by this courier."""
        what = self._delivered.get(log)
        return (what.end, what.records) if what else (0, 0)

    def status(self) -> dict[str, Any]:
        """Return what `daemon status` shows of this target."""
        with self._changed:
            figures = self._totals.as_json()
            return {
                "name": self.name,
                "state": "waiting" if self._error else "delivering" if self._waiting else "idle",
                "last_error": self._error or next(iter(self._totals.errors.values()), ""),
                "logs_waiting": len(self._waiting),
                "logs_delivered": len(self._delivered),
                "bytes_sent": figures["bytes_sent"],
                "records": figures["records"],
                "files_sent": figures["files_sent"],
            }

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
            seconds = self._round()
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, seconds)

    def _round(self) -> float:
        """Deliver what waits; return how long to wait before the next round."""
        try:
            remote = open_remote(self.name)
            try:
                self._deliver_all(remote)
            finally:
                remote.close()
        except RunstoreError as error:  # what concerns every log: no network, a refused token, an unknown name
            seconds = self._backoff.failed()
            if str(error) != self._error:
                logger.warning('event=waiting remote=%s error="%s"', self.name, error)
            self._error = str(error)
            return seconds
        self._error = ""
        self._backoff.succeeded()
        return SECONDS_BETWEEN_ROUNDS

    def _deliver_all(self, remote: Remote) -> None:
        """Deliver every log that waits, small ones first; a failed one waits until it or a file of its run changes."""
        with self._changed:
            ready = sorted(self._waiting.values(), key=lambda what: what.end)
        for what in ready:
            if self._stopping:
                return
            self._totals.errors.pop(str(what.log), None)
            shipment = deliver_one(what, remote, self._totals)
            with self._changed:
                if self._waiting.get(what.log) == what:
                    del self._waiting[what.log]
                if shipment is None:
                    logger.error('event=failed log=%s error="%s"', what.log, self._totals.errors[str(what.log)])
                elif shipment.verified:
                    self._delivered[what.log] = what
            if shipment is not None and shipment.bytes_sent:
                logger.info(
                    "event=delivered remote=%s log=%s bytes=%d records=%d seconds=%.0f",
                    self.name,
                    what.log,
                    shipment.bytes_sent,
                    shipment.records,
                    time.time(),
                )
