"""One run after the other, round and round: whatever is known of them, all are looked at in the end."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from time import monotonic

from runstore.paths import is_log_name
from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.polling import logs_in
from runstore.syncd.watching.tree import Tree

# A round takes so long, or longer: of very many runs, twenty are looked at in a step.
_ROUND_SECONDS = 600.0
_STEP_SECONDS = 30.0
_MOST_IN_STEP = 20
_SHARE = 0.005


class Sweep:
    """Goes through the runs of a tree."""

    def __init__(self, tree: Tree, clock: Callable[[], float] = monotonic) -> None:
        self._tree = tree
        self._waiting: deque[str] = deque()
        self._in_step = 0
        self._pace = Pace(_STEP_SECONDS, _ROUND_SECONDS, _SHARE, clock)
        with self._pace.measured():
            pass  # what is there at the beginning is scanned by whoever began

    def next(self) -> list[str]:
        """Return the logs that come next, if it is time."""
        if not self._pace.is_due():
            return []
        with self._pace.measured():
            if not self._waiting:
                self._waiting.extend(self._tree.runs())
                self._waiting.extend(log for place in self._tree.places.values() for log in place.logs)
                self._in_step = min(_MOST_IN_STEP, -(-len(self._waiting) * int(_STEP_SECONDS) // int(_ROUND_SECONDS)))
            paths = [self._waiting.popleft() for _ in range(min(self._in_step, len(self._waiting)))]
            return [log for path in paths for log in ([path] if _is_log(path) else logs_in(path))]


def _is_log(path: str) -> bool:
    return is_log_name(os.path.basename(path)) and not os.path.isdir(path)
