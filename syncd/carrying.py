"""Carry out what a lane has begun, one delivery or small ones together, and sort what goes wrong by whose fault it is.

The target's, or that of the way to it: the line hears of it and stops everything, and the log is none the worse. The
log's own: it waits by itself, and no other. Ours: a mistake must not end all delivery, so it is written down whole, and
the log waits likewise. Whatever happens, each delivery that was begun is settled with the queue that it came from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runstore.errors import (
    RemoteConflict,
    RemoteFailed,
    RemoteRefused,
    RemoteUnfit,
    RemoteUnreachable,
    RunstoreError,
)
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.circuit import Position
from runstore.syncd.delivery import Ready
from runstore.syncd.line import Line
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import Target
from runstore.syncd.retry import delay
from runstore.syncd.together import SMALL_BYTES
from runstore.syncd.upload import Cursor, Upload

# What only a change of the log can help is tried again so much later even without one.
HELD_SECONDS = 600.0
# A delivery that takes longer than this lets others go first, if any wait, and goes on after them.
TURN_SECONDS = 5.0

# What is wrong with the target, or the way to it, and not with a log.
_OF_THE_TARGET = (RemoteUnreachable, RemoteRefused, RemoteUnfit)

logger = logging.getLogger("runstore.courier")


@dataclass(frozen=True)
class Outcome:
    """What a delivery came to: how far the target has proven to be, and why something is left, "" where nothing is."""

    verified: Cursor
    identity: str = ""  # of the target
    receipt: Receipt | None = None  # as it is kept now; None where none could be
    left: str = ""
    is_held: bool = False  # what is left can only come when the log changes


@dataclass(frozen=True)
class Work:
    """What is done with each log of a lane, and who is told of it.

    `deliver` delivers one log and raises what went wrong; `together` does many small ones, and what it leaves out goes
    by `deliver`. `done` and `failed` are told of each delivery after it was settled, `sent` of each piece that went.
    """

    what: str  # is delivered, in a word for the daemon's log
    deliver: Callable[[Ready, Target, Callable[[int], None]], Outcome]
    done: Callable[[Ready, Outcome], None]
    failed: Callable[[Ready, str], None]
    sent: Callable[[Path, int], None]
    together: Callable[[list[Ready], Target, Callable[[int], None]], dict[Path, Outcome]] | None = None


class Queue(Protocol):
    """Where begun deliveries come from, and go back to."""

    def upload(self, log: Path) -> Upload | None:
        """Return the delivery of a log; None for one that was forgotten."""

    def others_wait(self) -> bool:
        """Return whether others could begin, and there is no thread for them."""

    def postpone(self, log: Path, until: float) -> None:
        """Let the next turn of a log come no sooner than `until`, if others wait that could go first."""

    def settle(self, what: Ready, event: Callable[[Upload], None]) -> None:
        """Take a log back, after it was told by `event` what happened to it."""


class Carrying:
    """Does the `work` of the threads of one lane, `queue`, over `line`."""

    def __init__(self, queue: Queue, line: Line, work: Work) -> None:
        self._queue, self._line, self._work = queue, line, work
        self._alone: set[Path] = set()  # logs with which a batch failed
        self._strikes: dict[Path, int] = {}  # of the line, in a row, while it served this log

    def fits_together(self, log: Path, size: int) -> bool:
        """Return whether a log of which `size` bytes are left may go in one request with others."""
        probing = self._line.circuit.position is not Position.CLOSED  # by one log alone
        return self._work.together is not None and size <= SMALL_BYTES and not probing and log not in self._alone

    def forget(self, log: Path) -> None:
        """Drop what is known of a log that is gone."""
        self._alone.discard(log)
        self._strikes.pop(log, None)

    def carry(self, some: list[Ready]) -> None:
        """Deliver one log, or several that fit together, and settle each."""
        for what in self._left_of(some) if len(some) > 1 else some:
            if self._line.may_go_on() and self._line.circuit.position is not Position.OPEN:
                self._carry_safely(what)
            else:
                self._queue.settle(what, Upload.interrupted)

    def _left_of(self, some: list[Ready]) -> list[Ready]:
        """Deliver small logs in one go; return those that have to go by themselves."""
        outcomes = self._together(some)
        if outcomes is None:
            self._alone.update(what.log for what in some)  # whose fault it is shows when each goes by itself
            return some
        for what in some:
            if what.log in outcomes:
                self._line.worked()
                self._work.sent(what.log, 0)
                self._done(what, outcomes[what.log])
        return [what for what in some if what.log not in outcomes]

    def _together(self, some: list[Ready]) -> dict[Path, Outcome] | None:
        """Return what became of those that went together; None where that failed for any fault."""
        if self._work.together is None:
            return {}
        try:
            with self._line.connected() as remote:
                return self._work.together(some, remote, self._line.bandwidth.wait)
        except Interrupted:
            return {}
        except _OF_THE_TARGET as error:
            self._line.failed(error)
        except (RunstoreError, OSError):
            pass
        except Exception:  # the thread's outer edge, as below
            logger.exception("event=failed logs=%d", len(some))
        return None

    def _carry_safely(self, what: Ready) -> None:
        try:
            self._carry(what)
        except Exception as error:  # the thread's outer edge: a mistake of ours must not end all delivery
            logger.exception("event=failed %s-of=%s", self._work.what, what.log)
            self._line.abandoned()
            said = f"{type(error).__name__}: {error}"
            self._put_off(what, f"an error in runstore itself ({said}); nothing is lost, and it is tried again")

    def _carry(self, what: Ready) -> None:
        line = self._line
        try:
            with line.connected() as remote:
                outcome = self._work.deliver(what, remote, self._progress(what))
        except Interrupted:
            line.worked()
            self._queue.settle(what, Upload.interrupted)
        except _OF_THE_TARGET as error:
            line.failed(error)
            self._strike(what.log)
            self._queue.settle(what, Upload.interrupted)
        except RemoteFailed as error:
            line.failed(error, what.log)
            self._put_off(what, str(error))
        except RemoteConflict as error:
            line.worked()
            self._put_off(what, str(error), is_held=True)
        except (RunstoreError, OSError) as error:
            line.abandoned()
            self._put_off(what, str(error))
        else:
            line.worked()
            self._strikes.pop(what.log, None)
            self._done(what, outcome)

    def _progress(self, what: Ready) -> Callable[[int], None]:
        """Return what is told of each piece that was sent: it waits, counts, and ends the delivery where it must."""
        line, began, sent = self._line, self._line.clock(), 0

        def progress(size: int) -> None:
            nonlocal sent
            sent += size
            upload = self._queue.upload(what.log)
            if upload is not None:
                upload.progressed(upload.verified.size + sent)
            self._work.sent(what.log, size)
            line.bandwidth.wait(size)
            has_had_its_turn = line.clock() - began >= TURN_SECONDS
            if not line.may_go_on() or (has_had_its_turn and self._queue.others_wait()):
                raise Interrupted

        return progress

    def _done(self, what: Ready, outcome: Outcome) -> None:
        self._alone.discard(what.log)

        def taken(upload: Upload) -> None:
            upload.taken(what.end)
            upload.proven(outcome.verified)

        if outcome.left:
            self._put_off(what, outcome.left, outcome.verified, is_held=outcome.is_held)
        else:
            self._queue.settle(what, taken)
        self._work.done(what, outcome)

    def _put_off(self, what: Ready, sentence: str, verified: Cursor | None = None, *, is_held: bool = False) -> None:
        """Let a log wait after a failure of its own."""
        line, kind = self._line, self._work.what

        def failed(upload: Upload) -> None:
            if upload.error != sentence:
                logger.error('event=failed remote=%s %s-of=%s error="%s"', line.name, kind, what.log, sentence)
            upload.verified = verified or upload.verified
            if is_held:
                upload.refused(sentence, line.clock() + HELD_SECONDS)
            else:
                upload.failed(sentence, line.clock() + delay(upload.failures + 1, line.chance, HELD_SECONDS))

        self._queue.settle(what, failed)
        self._work.failed(what, sentence)

    def _strike(self, log: Path) -> None:
        """Let others be the probe if the line has broken over this log more than once: it may be what breaks it."""
        with self._line.changed:
            strikes = self._strikes[log] = self._strikes.get(log, 0) + 1
            if strikes > 1:
                self._queue.postpone(log, self._line.clock() + delay(strikes, self._line.chance))
