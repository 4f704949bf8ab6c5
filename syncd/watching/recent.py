"""The runs that are of interest though they ended: people edit those that they just made."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable

from runstore.syncd.watching.naming import begun_at

# So many, beside those that are live.
RECENT_RUNS = 256


class Recent:
    """Run directories, in the order in which they were of interest."""

    def __init__(self) -> None:
        self._runs: dict[str, None] = {}

    def add(self, run: str, live: Callable[[], Collection[str]]) -> list[str]:
        """Note that a run is of interest; return those that are not any more, none of which is `live`."""
        self._runs.pop(run, None)
        self._runs[run] = None
        too_many = len(self._runs) - RECENT_RUNS
        if too_many <= 0:
            return []
        kept = live()
        oldest = [known for known in self._runs if known not in kept][:too_many]
        for known in oldest:
            del self._runs[known]
        return oldest

    def discard(self, run: str) -> None:
        """Forget a run."""
        self._runs.pop(run, None)


def latest(runs: Iterable[str]) -> list[str]:
    """Return the run directories that are of interest at first: those begun last, the very last at the end."""
    return heapq.nlargest(RECENT_RUNS, runs, key=begun_at)[::-1]
