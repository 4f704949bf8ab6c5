"""Deliver to one target, beside everything else: logs in one lane, what lies beside them in another.

A checkpoint of 20 GB takes its time, and the records of runs that are going on must not wait for it.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from runstore.syncd.delivery import Ready, Report, deliver_beside, deliver_one
from runstore.syncd.lane import Lane
from runstore.syncd.remotes.base import Remote

logger = logging.getLogger("runstore.courier")


class Courier:
    """Takes what is ready to be delivered, and delivers it to the remote `name` as soon as that can be reached."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._delivered: dict[Path, Ready] = {}
        self._files_left: dict[Path, int] = {}  # by log, as of its last delivery
        self._logs = Lane("logs", name, self._ship)
        self._beside = Lane("files", name, self._ship_beside)
        # What was done in each lane, by the thread of that lane alone.
        self._shipped, self._shipped_beside = Report(name), Report(name)

    def start(self) -> None:
        """Begin to deliver."""
        self._logs.start()
        self._beside.start()

    def stop(self, seconds: float) -> None:
        """Stop after the log and the file that are under way, waiting up to `seconds`; the rest comes the next time."""
        until = time.monotonic() + seconds
        for lane in (self._logs, self._beside):
            lane.end()
        for lane in (self._logs, self._beside):
            lane.join(max(0.0, until - time.monotonic()))

    def give(self, what: Ready) -> None:
        """Take a log to be delivered, in place of an earlier state of it."""
        self._logs.give(what)

    def forget(self, log: Path) -> None:
        """Drop a log that is gone."""
        self._logs.forget(log)
        self._beside.forget(log)
        self._delivered.pop(log, None)
        self._files_left.pop(log, None)

    def delivered(self, log: Path) -> tuple[int, int]:
        """Return how many bytes and records of a log the target was proven to hold by this courier."""
        what = self._delivered.get(log)
        return (what.end, what.records) if what else (0, 0)

    def status(self) -> dict[str, Any]:
        """Return what `daemon status` shows of this target."""
        error = self._logs.error or self._beside.error
        errors = [*self._shipped.errors.copy().values(), *self._shipped_beside.errors.copy().values()]
        return {
            "name": self.name,
            "state": "waiting" if error else "delivering" if self._logs or self._beside else "idle",
            "last_error": error or next(iter(errors), ""),
            "logs_waiting": len(self._logs),
            "logs_delivered": len(self._delivered),
            "bytes_sent": self._shipped.bytes_sent,
            "records": self._shipped.records,
            "files_sent": self._shipped_beside.files_sent,
            "files_left": sum(self._files_left.copy().values()),
        }

    def _ship(self, what: Ready, remote: Remote) -> None:
        """Deliver a log; one that failed waits until it or a file of its run changes."""
        self._shipped.errors.pop(str(what.log), None)
        shipment = deliver_one(what, remote, self._shipped, beside=False)
        if shipment is None:
            logger.error('event=failed log=%s error="%s"', what.log, self._shipped.errors[str(what.log)])
            return
        if shipment.verified:
            self._delivered[what.log] = what
        self._beside.give(what)
        if shipment.bytes_sent:
            logger.info(
                "event=delivered remote=%s log=%s bytes=%d records=%d seconds=%.0f",
                self.name,
                what.log,
                shipment.bytes_sent,
                shipment.records,
                time.time(),
            )

    def _ship_beside(self, what: Ready, remote: Remote) -> None:
        """Deliver what lies beside a log. The first time the target is asked for all of it, then for what is new."""
        self._shipped_beside.errors.pop(str(what.log), None)
        done = deliver_beside(what, remote, self._shipped_beside, trusting=what.log in self._files_left)
        if done is None:
            error = self._shipped_beside.errors[str(what.log)]
            logger.error('event=failed files-of=%s error="%s"', what.log, error)
            return
        self._files_left[what.log] = done.left
        if done.sent:
            logger.info(
                "event=delivered remote=%s files-of=%s files=%d bytes=%d",
                self.name,
                what.log,
                done.sent,
                done.bytes_sent,
            )
