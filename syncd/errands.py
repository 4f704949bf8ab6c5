"""What a courier does for a log: ship its records, ship what lies beside it, and keep the books of both.

A hub gets the log itself, a W&B server the run that it is of.

Called by the threads of its lanes, several at once; the figures are changed under the line's condition. What goes
wrong is raised: carrying.py sorts it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.syncd import receipts
from runstore.syncd.carrying import Outcome
from runstore.syncd.delivery import Ready, Report, deliver_beside, deliver_one
from runstore.syncd.files_together import ship_files_together
from runstore.syncd.outgoing import FilesDelivered
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import Target
from runstore.syncd.remotes.runs import RunRemote
from runstore.syncd.runwise.delivery import RunDelivery
from runstore.syncd.runwise.passage import Sent
from runstore.syncd.shipper import Shipment
from runstore.syncd.together import ship_together
from runstore.syncd.upload import Cursor

Proven = Callable[[Ready, str, Receipt], None]

logger = logging.getLogger("runstore.courier")


class Errands:
    """The errands to the remote `name`; `changed` guards the figures.

    `verified` returns how far a log was proven to be before, `follow` lets what lies beside it come next, and `proven`
    is told of each proof: the log, the target's identity, and the receipt that is kept.
    """

    def __init__(
        self,
        name: str,
        changed: threading.Condition,
        verified: Callable[[Path], Cursor],
        follow: Callable[[Ready], None],
        proven: Proven,
        index: Path | None = None,
    ) -> None:
        """`index` is the path of the index that knows the runs; None: this machine's."""
        self._runs = RunDelivery(index)
        self._name, self._changed = name, changed
        self._verified, self._follow, self._proven = verified, follow, proven
        self._identity = ""
        self._files_left: dict[Path, int] = {}  # by log, as of its last delivery
        self._told_of: dict[Path, list[str]] = {}  # notes of runs whose rows came, which hold when files follow
        self.notes: dict[Path, str] = {}  # what a person should know of a log's last delivery
        self.shipped = Report(name)

    @property
    def files_left(self) -> int:
        """How many files beside the logs could not be delivered."""
        with self._changed:
            return sum(self._files_left.values())

    @property
    def rows(self) -> int:
        """How many rows a server of runs was told, those of runs that are under way included."""
        with self._changed:
            return self.shipped.rows + self._runs.rows_under_way()

    def close(self) -> None:
        """Let go of what deliveries share."""
        self._runs.close()

    def forget(self, log: Path) -> None:
        """Drop a log that is gone; the figures stay."""
        self._files_left.pop(log, None)
        self._told_of.pop(log, None)
        self.notes.pop(log, None)

    def ship(self, what: Ready, remote: Target, progress: Callable[[int], None]) -> Outcome:
        """Deliver a log, and let what lies beside it follow."""
        self._identity = remote.identity()
        if isinstance(remote, RunRemote):
            return self._told(what, self._runs.tell(what, remote, progress))
        return self._shipped(what, deliver_one(what, remote, progress))

    def ship_together(self, logs: list[Ready], remote: Target, progress: Callable[[int], None]) -> dict[Path, Outcome]:
        """Deliver small logs in one request, and let what lies beside them follow."""
        self._identity = remote.identity()
        if isinstance(remote, RunRemote):  # which takes one run at a time
            return {}
        shipments = ship_together(logs, remote, progress)
        return {what.log: self._shipped(what, shipments[what.log]) for what in logs if what.log in shipments}

    def ship_beside(self, what: Ready, remote: Target, progress: Callable[[int], None]) -> Outcome:
        """Deliver what lies beside a log. The first time the target is asked for all of it, then for what is new."""
        if isinstance(remote, RunRemote):
            done, artifacts = self._runs.bring(what, remote, progress)
            with self._changed:
                self.shipped.artifacts += artifacts
            return self._shipped_beside(what, done)
        return self._shipped_beside(what, deliver_beside(what, remote, progress, trusting=self._was_asked(what.log)))

    def ship_beside_together(
        self, logs: list[Ready], remote: Target, progress: Callable[[int], None]
    ) -> dict[Path, Outcome]:
        """Deliver the small files that lie beside logs, in few requests."""
        if isinstance(remote, RunRemote):
            return {}
        done = ship_files_together(logs, remote, progress, self._was_asked)
        return {what.log: self._shipped_beside(what, done[what.log]) for what in logs if what.log in done}

    def done(self, what: Ready, outcome: Outcome) -> None:
        """Tell of what was proven, once the lane knows."""
        if outcome.receipt is not None:
            self._proven(what, outcome.identity, outcome.receipt)

    def failed(self, what: Ready, sentence: str) -> None:
        """Keep beside the log why it could not be delivered."""
        if self._identity:
            with contextlib.suppress(RunstoreError):  # nothing is the worse
                receipts.note_failure(what.log, what.log_id, self._identity, self._name, sentence)

    def _shipped(self, what: Ready, shipment: Shipment) -> Outcome:
        with self._changed:
            self.shipped.bytes_sent += shipment.bytes_sent
            self.shipped.records += shipment.records
            self._note(what, shipment.note)
        if not shipment.verified:
            return Outcome(self._verified(what.log), left=shipment.note, is_held=True)
        self._follow(what)
        if shipment.bytes_sent:
            logger.info(
                "event=delivered remote=%s log=%s bytes=%d records=%d",
                self._name,
                what.log,
                shipment.bytes_sent,
                shipment.records,
            )
        return Outcome(Cursor(what.end, what.records), self._identity, shipment.receipt)

    def _told(self, what: Ready, sent: Sent) -> Outcome:
        """Count what a server of runs was told; what came to the log meanwhile comes the next time."""
        with self._changed:
            shipped = self.shipped
            shipped.bytes_sent += sent.bytes
            shipped.records += sent.records
            shipped.rows += sent.rows
            shipped.events += sent.events
            shipped.console_lines += sent.console_lines
            shipped.alerts += sent.alerts
            self._told_of[what.log] = sent.notes
            self._note(what, "; ".join(sent.notes))
        receipt = sent.receipts.get(str(what.log.resolve()))
        if receipt is None:
            return Outcome(self._verified(what.log), left=f"{what.log}: is no part of its run, as the index has it")
        self._follow(what)
        if sent.bytes:
            logger.info(
                "event=delivered remote=%s log=%s rows=%d bytes=%d", self._name, what.log, sent.rows, sent.bytes
            )
        return Outcome(Cursor(receipt.size, receipt.records), self._identity, receipt)

    def _was_asked(self, log: Path) -> bool:
        """Return whether the target was asked, by this courier, for all that lies beside a log."""
        return log in self._files_left

    def _shipped_beside(self, what: Ready, done: FilesDelivered) -> Outcome:
        with self._changed:
            self._files_left[what.log] = done.left
            self._note(what, "; ".join([*self._told_of.get(what.log, ()), *done.notes]))
            self.shipped.files_sent += done.sent
            self.shipped.file_bytes_sent += done.bytes_sent
        if done.sent:
            logger.info(
                "event=delivered remote=%s files-of=%s files=%d bytes=%d",
                self._name,
                what.log,
                done.sent,
                done.bytes_sent,
            )
        left = "; ".join(done.notes) if done.left else ""
        return Outcome(Cursor(what.end, what.records), self._identity, done.receipt, left)

    def _note(self, what: Ready, note: str) -> None:
        if note:
            self.notes[what.log] = note
        else:
            self.notes.pop(what.log, None)
