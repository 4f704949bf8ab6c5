"""The delivery of one thing to one target as a state machine: no I/O, no clock, no threads.

There is one `Upload` for the records of a log and one for what lies beside it, for each target. Whoever carries it out
reports what happened as an event, with the time where it counts; the table below says what that means. Events that
can't happen in a state are refused by name, so that a mistake in the courier shows as one and not as a log that waits
for ever.

Seen by a log: it is QUEUED until a worker takes it, SENDING until the target has acknowledged everything, and
VERIFIED when the target's digest was ours and the receipt says so. What fails comes back by itself: RETRYING soon,
HELD where only a change of the log can help, or a long time. A target that is down is no failure of a log (it is
interrupted, and waits in the queue): that is the business of `circuit.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a delivery is."""

    QUEUED = "queued"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    RETRYING = "retrying"
    HELD = "held"
    GONE = "gone"


class Event(Enum):
    """What can happen to it."""

    CHANGED = "changed"  # there is more, or something else, to be delivered
    BEGUN = "begun"  # a worker has taken it
    TAKEN = "taken"  # the target has acknowledged the last byte
    PROVEN = "proven"  # its digest was ours, of all that there is
    OUTDATED = "outdated"  # likewise, but there is more by now
    FAILED = "failed"  # something that may be better in a moment
    REFUSED = "refused"  # something that stays as it is until the log changes
    INTERRUPTED = "interrupted"  # the target is down, or a stop, or others have their turn
    DUE = "due"  # it has waited long enough
    VANISHED = "vanished"  # the log is not there any more


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.QUEUED, Event.CHANGED): State.QUEUED,
    (State.QUEUED, Event.BEGUN): State.SENDING,
    (State.QUEUED, Event.VANISHED): State.GONE,
    (State.SENDING, Event.CHANGED): State.SENDING,
    (State.SENDING, Event.TAKEN): State.ACKNOWLEDGED,
    (State.SENDING, Event.FAILED): State.RETRYING,
    (State.SENDING, Event.REFUSED): State.HELD,
    (State.SENDING, Event.INTERRUPTED): State.QUEUED,
    (State.SENDING, Event.VANISHED): State.GONE,
    (State.ACKNOWLEDGED, Event.CHANGED): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.PROVEN): State.VERIFIED,
    (State.ACKNOWLEDGED, Event.OUTDATED): State.QUEUED,
    (State.ACKNOWLEDGED, Event.FAILED): State.RETRYING,
    (State.ACKNOWLEDGED, Event.REFUSED): State.HELD,
    (State.ACKNOWLEDGED, Event.INTERRUPTED): State.QUEUED,
    (State.ACKNOWLEDGED, Event.VANISHED): State.GONE,
    (State.VERIFIED, Event.CHANGED): State.QUEUED,
    (State.VERIFIED, Event.VANISHED): State.GONE,
    # A live log changes every second: that must not undo the waiting after a failure.
    (State.RETRYING, Event.CHANGED): State.RETRYING,
    (State.RETRYING, Event.DUE): State.QUEUED,
    (State.RETRYING, Event.VANISHED): State.GONE,
    # Here a change is what was waited for; it is tried soon, not at once, for the same reason.
    (State.HELD, Event.CHANGED): State.RETRYING,
    (State.HELD, Event.DUE): State.QUEUED,
    (State.HELD, Event.VANISHED): State.GONE,
    # What a worker reports of a log that was forgotten meanwhile.
    **{
        (State.GONE, event): State.GONE
        for event in (Event.TAKEN, Event.PROVEN, Event.OUTDATED, Event.FAILED, Event.REFUSED, Event.INTERRUPTED)
    },
}

IN_FLIGHT = frozenset((State.SENDING, State.ACKNOWLEDGED))
WAITS_FOR_A_TIME = frozenset((State.RETRYING, State.HELD))


class ImpossibleEvent(ValueError):
    """An event that can't happen in this state: whoever reported it has made a mistake."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a log is: bytes, and the whole records that end before."""

    size: int = 0
    records: int = 0


@dataclass(slots=True)
class Upload:
    """One delivery. Times are seconds of one clock that never goes back, whichever the caller uses."""

    goal: Cursor = Cursor()
    state: State = State.QUEUED
    acknowledged: int = 0  # bytes, as far as the target said so
    verified: Cursor = Cursor()
    retry_at: float = 0.0  # while RETRYING or HELD
    failures: int = 0  # in a row
    error: str = ""  # of the last failure, until it is proven
    _edition: int = 0  # of what is to be delivered
    _begun: int = 0  # the edition that is under way

    def changed(self, goal: Cursor, soon: float) -> None:
        """There is something new to be delivered, `goal` in all; what is held is tried again at `soon`."""
        held = self.state is State.HELD
        self._step(Event.CHANGED)
        self.goal = goal
        self._edition += 1
        if held:
            self.retry_at = min(self.retry_at, soon)

    def begun(self) -> None:
        """A worker begins with it."""
        self._step(Event.BEGUN)
        self._begun = self._edition

    def progressed(self, size: int) -> None:
        """The target has acknowledged `size` bytes of the log; it may have been set back, too."""
        if self.state in IN_FLIGHT:
            self.acknowledged = size

    def taken(self, size: int) -> None:
        """The target has acknowledged everything, `size` bytes."""
        self._step(Event.TAKEN)
        if self.state is not State.GONE:
            self.acknowledged = size

    def proven(self, verified: Cursor) -> None:
        """The target's digest over what was begun was ours, and the receipt is kept."""
        self._step(Event.PROVEN if self._begun == self._edition else Event.OUTDATED)
        if self.state is not State.GONE:
            self.verified, self.failures, self.error = verified, 0, ""

    def failed(self, error: str, retry_at: float) -> None:
        """It did not work this time."""
        self._step(Event.FAILED)
        self._waits(error, retry_at)

    def refused(self, error: str, retry_at: float) -> None:
        """It can't work as it is; it is tried again when the log changes, or else at `retry_at`."""
        self._step(Event.REFUSED)
        self._waits(error, retry_at)

    def interrupted(self) -> None:
        """It was broken off for reasons that are not its own."""
        self._step(Event.INTERRUPTED)

    def due(self) -> None:
        """`retry_at` has come, or somebody wants it now."""
        self._step(Event.DUE)

    def vanished(self) -> None:
        """The log is gone; what a worker says of it afterwards is heard by nobody."""
        self._step(Event.VANISHED)

    def _step(self, event: Event) -> None:
        try:
            self.state = TRANSITIONS[self.state, event]
        except KeyError:
            raise ImpossibleEvent(f"{event.value!r} can't happen to what is {self.state.value}") from None

    def _waits(self, error: str, retry_at: float) -> None:
        if self.state is not State.GONE:
            self.error, self.retry_at = error, retry_at
            self.failures += 1


def is_settled(records: Upload, beside: Upload | None) -> bool:
    """Return whether a log, and what lies beside it, needs no more for now: it is proven, or waits after a failure.

    What lies beside a log comes behind its records; None before its turn.
    """
    if records.state in WAITS_FOR_A_TIME:
        return True
    is_over = beside is not None and (beside.state is State.VERIFIED or beside.state in WAITS_FOR_A_TIME)
    return records.state is State.VERIFIED and is_over
