"""Whether a target is worth asking: one circuit for each. No I/O, no clock, no waiting.

Closed, everything is sent. When the target can't be reached it opens, and nothing is asked until a time that grows
with each failure in a row, or that the target itself named (`Retry-After`); then one request, of whichever log comes
first, is the probe. Trouble that only a person can mend (a refused token, a certificate, another version) opens it,
too, and is probed slowly.

A target that answers 500 to one log may well take the others. So that alone does not open the circuit: that several
logs in a row meet with it does.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from enum import Enum

from runstore.syncd.retry import Backoff

# How often it is looked whether a person has mended it. Asked by `runstore daemon reload`, it is looked at once.
SLOW_SECONDS = 60.0
# So many logs in a row that the target failed over are its trouble, and no longer theirs.
FAILED_LOGS = 3
# No target is believed that it must be left alone for longer than this.
MOST_RETRY_AFTER_SECONDS = 3600.0


class Position(Enum):
    """How the circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """The circuit of one target. Times are seconds of a clock that never goes back."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self.position = Position.CLOSED
        self.until = 0.0  # while open
        self.error = ""  # why it is open; "" where it is closed
        self.is_for_a_person = False  # whether waiting alone will not do
        self._backoff = Backoff(chance)
        self._failed_over: set[Hashable] = set()

    def admits(self, now: float) -> bool:
        """Return whether a request may be made now; the one that is let through an open circuit is its probe."""
        if self.position is Position.OPEN and now >= self.until:
            self.position = Position.HALF_OPEN
            return True
        return self.position is Position.CLOSED

    def seconds_left(self, now: float) -> float | None:
        """Return how long nothing is admitted, 0.0 where something is; None while a probe is under way."""
        if self.position is Position.HALF_OPEN:
            return None
        return max(0.0, self.until - now) if self.position is Position.OPEN else 0.0

    def succeeded(self) -> None:
        """The target has done what it was asked for."""
        self.position, self.error, self.is_for_a_person = Position.CLOSED, "", False
        self._backoff.succeeded()
        self._failed_over.clear()

    def unreachable(self, error: str, now: float, retry_after: float = 0.0) -> None:
        """No answer, or one that says "not now", for `retry_after` seconds where the target named them."""
        if self.position is not Position.OPEN:  # of requests that failed together the first counts
            self._open(error, now + self._backoff.failed())
        self.until = max(self.until, now + min(retry_after, MOST_RETRY_AFTER_SECONDS))

    def refused(self, error: str, now: float) -> None:
        """The target answers, and takes nothing from us as we are."""
        self._open(error, now + SLOW_SECONDS)
        self.is_for_a_person = True

    def failed_over(self, log: Hashable, error: str, now: float) -> None:
        """The target itself failed over this log."""
        self._failed_over.add(log)
        if self.position is Position.HALF_OPEN or len(self._failed_over) >= FAILED_LOGS:
            self.unreachable(error, now)

    def abandoned(self, now: float) -> None:
        """The probe told nothing of the target; the next one may be made."""
        if self.position is Position.HALF_OPEN:
            self.position, self.until = Position.OPEN, now

    def reset(self, now: float) -> None:
        """Probe at once: somebody has mended something."""
        self._backoff.succeeded()
        if self.position is Position.OPEN:
            self.until = now

    def _open(self, error: str, until: float) -> None:
        self.position, self.error, self.until = Position.OPEN, error, until
        self.is_for_a_person = False
