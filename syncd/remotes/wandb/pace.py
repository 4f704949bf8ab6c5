"""When a W&B server may be asked again: after a failure that passes, and where it says how much more it will take.

Only what passes within seconds is waited for here. Whatever takes longer is for those who schedule deliveries: a
thread that sleeps in a request can't be told to stop.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx

from runstore.errors import RemoteUnreachable
from runstore.syncd.remotes.overhttp import plain_number

# So long is waited before the second try of a request, and the third and last, plus up to a quarter.
BETWEEN_TRIES_SECONDS = (0.5, 1.0)
_JITTER = 0.25
# A server that asks for more time than this gets it, but not in the middle of a request.
MOST_SECONDS = 5.0
# While a server says that it takes more requests than these, there is no reason to be slow.
_PLENTY = 20.0


class Pace:
    """How fast one part of a server may be asked, by what its answers say.

    `RateLimit-Remaining` requests are left of a quota that is new in `RateLimit-Reset` seconds: the last of them are
    spread over that time, so that nothing is refused.
    """

    def __init__(self, pause: Callable[[float], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._pause, self._clock = pause, clock
        self._not_before = 0.0

    def wait(self, whom: str) -> None:
        """Wait until the next request may go. Raises RemoteUnreachable, naming `whom`, where that takes long."""
        seconds = self._not_before - self._clock()
        if seconds > MOST_SECONDS:
            raise RemoteUnreachable(f"{whom}: takes no more requests for the next {seconds:,.0f} seconds", seconds)
        if seconds > 0:
            self._pause(seconds)

    def heard(self, response: httpx.Response) -> None:
        """Take note of an answer; one that says nothing of limits changes nothing."""
        left, seconds = (plain_number(response.headers.get(f"RateLimit-{name}", "")) for name in ("Remaining", "Reset"))
        if left is None or seconds is None:
            return
        wait = seconds / (left + 1) if left < _PLENTY else 0.0
        # A quota that is used up is waited for; the rest of one only slows down, and never for long.
        self._not_before = self._clock() + (wait if left < 1 else min(wait, MOST_SECONDS))


class Tries:
    """The few tries of one request: how long to wait before the next one."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._waits = iter(BETWEEN_TRIES_SECONDS)

    def again(self, asked_for: float) -> bool:
        """Wait, as long as the server `asked_for` if it did; return False where that was the last try."""
        seconds = next(self._waits, None)
        if seconds is None or asked_for > MOST_SECONDS:
            return False
        self._pause(asked_for or seconds * (1 + _JITTER * random.random()))
        return True
