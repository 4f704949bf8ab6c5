"""Notice that the machine was asleep: what waits for a network may try at once, instead of waiting on.

The clocks by which the daemon waits stand still meanwhile, so that nothing falls due all at the same time; nothing here
looks at the clock on the wall, which may be set at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def _always() -> float:
    """Return a clock that runs on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Suspends:
    """Compare a clock that stands still while the machine sleeps with one that does not."""

    def __init__(self, awake: Callable[[], float] = time.monotonic, always: Callable[[], float] = _always) -> None:
        self._awake, self._always = awake, always
        self._asleep = always() - awake()

    def slept(self) -> float:
        """Return the seconds that the machine slept since this was last asked; 0.0 if it did not, or can't tell."""
        asleep = self._always() - self._awake()
        seconds, self._asleep = asleep - self._asleep, asleep
        return max(0.0, seconds)
