"""A limit in bytes a second, shared by all transfers to one target.

`Allowance` is the arithmetic, without a clock; `Bandwidth` waits by it, and stops waiting when it is told to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# What may go at once after a pause: a limit is about minutes, not about single packets.
BURST_SECONDS = 0.5


class Allowance:
    """A bucket that fills with `rate` bytes a second. What is taken may exceed it: then the next ones wait longer."""

    def __init__(self, rate: int, now: float) -> None:
        self.rate = rate
        self._left = self._most = rate * BURST_SECONDS
        self._at = now

    def take(self, size: int, now: float) -> float:
        """Take `size` bytes, and return how many seconds to wait before they are sent."""
        self._left = min(self._most, self._left + (now - self._at) * self.rate)
        self._at = now
        self._left -= size
        return max(0.0, -self._left / self.rate)


class Interrupted(Exception):
    """A transfer is to end here: a stop, a pause, or others have their turn. What was taken stays taken."""


class Bandwidth:
    """The limit of one target; 0 bytes a second mean none. Every method may be called from any thread."""

    def __init__(self, rate: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._generation = 0
        self._stopped = False
        self._allowance: Allowance | None = None
        self.set_rate(rate)

    def set_rate(self, rate: int) -> None:
        """Go on with another limit; who waits for the old one goes on now."""
        with self._changed:
            self._allowance = Allowance(rate, self._clock()) if rate else None
            self._generation += 1
            self._changed.notify_all()

    def wait(self, size: int) -> None:
        """Wait until `size` more bytes may be sent. Raises Interrupted after `stop`."""
        with self._changed:
            generation = self._generation
            until = self._clock() + (self._allowance.take(size, self._clock()) if self._allowance else 0.0)
            while not self._stopped and generation == self._generation and (left := until - self._clock()) > 0:
                self._changed.wait(left)
            if self._stopped:
                raise Interrupted

    def stop(self) -> None:
        """Let nobody wait any more: all who do, and will, get Interrupted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
