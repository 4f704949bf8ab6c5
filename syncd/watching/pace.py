"""How often something is done that costs more, the more there is of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


class Pace:
    """Every `least` seconds, or so much more seldom that it takes no more than `share` of the time; never over `most`.

    The time is counted as it passes on the wall, not as a processor is busy: waiting for a file server counts too.
    """

    def __init__(self, least: float, most: float, share: float, clock: Callable[[], float] = monotonic) -> None:
        self.least, self.most, self.share = least, most, share
        self.period = least
        self.next_at = 0.0
        self._clock = clock

    def is_due(self) -> bool:
        """Return whether it is time."""
        return self._clock() >= self.next_at

    def hasten(self) -> None:
        """Let it be due now."""
        self.next_at = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Do it now: what is inside counts as its cost, whether it fails or not."""
        begun = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            self.period = min(self.most, max(self.least, (ended - begun) / self.share))
            self.next_at = ended + self.period
