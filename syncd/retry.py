"""When to try again: exponential backoff with jitter. No clock and no sleeping here."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0
# Many nodes lose the same network at the same moment and must not all come back at the same one.
JITTER = 0.25


def delay(failures: int, chance: random.Random, most: float = MOST_SECONDS) -> float:
    """Return how many seconds to wait after so many failures in a row: doubled each time up to `most`, plus jitter."""
    seconds = min(most, FIRST_SECONDS * 2.0 ** min(max(failures, 1) - 1, 30))
    return seconds * (1 + JITTER * chance.random())


class Backoff:
    """The waiting time after each failure in a row: doubled each time up to a bound, plus up to a quarter."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()
        self._failures = 0

    def failed(self) -> float:
        """Return how many seconds to wait after one more failure."""
        self._failures += 1
        return delay(self._failures, self._chance)

    def succeeded(self) -> None:
        """Begin anew: the next failure waits the shortest time."""
        self._failures = 0
