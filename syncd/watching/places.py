"""When the places of one root are looked at: every few seconds without events, else every minute, and when told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from time import monotonic

from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.tree import Seen, Tree

# How often the places are looked at, at least and at most; and how much of the time that may take.
TREE_SECONDS = 2.0
TREE_EVENTS_SECONDS = 60.0
TREE_MOST_SECONDS = 600.0
TREE_SHARE = 0.01
# How much of the time looks may take at what events tell of: a folder of very many entries takes long to list.
TOUCHED_SHARE = 0.1


class Places:
    """The tree of one root, and what of it is due. One thread's; `touch` and `hasten` are anybody's."""

    def __init__(self, root: Root, others: Collection[str], clock: Callable[[], float] = monotonic) -> None:
        self._root, self._others, self._clock = root, others, clock
        self._touched_pace = Pace(0.0, TREE_EVENTS_SECONDS, TOUCHED_SHARE, clock)
        self._touched: set[str] = set()
        self._lock = threading.Lock()
        self.begin(told=False)

    def begin(self, *, told: bool) -> None:
        """Forget what is known of the places, and look anew, by and by as `plan` says."""
        self.tree = Tree(self._root, self._others)
        self._silent_pace = Pace(TREE_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
        self.plan(told=told)

    def plan(self, *, told: bool) -> None:
        """Look at all places now, and then as often as is right where events tell of them, or where they don't."""
        self._told = told
        least = TREE_EVENTS_SECONDS if told else TREE_SECONDS
        self._pace = Pace(least, TREE_MOST_SECONDS, TREE_SHARE, self._clock)

    def touch(self, folder: str) -> None:
        """Let a folder be due in which something came or went."""
        with self._lock:
            self._touched.add(folder)

    def hasten(self) -> None:
        """Let all places be due."""
        self._pace.hasten()

    def measured(self) -> AbstractContextManager[None]:
        """Have what is inside count as a look at all places, and as its cost."""
        return self._pace.measured()

    def look(self, take: Callable[[Seen], None]) -> set[str]:
        """Let `take` have what a look at what is due finds, which counts as its cost; return what was touched."""
        touched: set[str] = set()
        if self._touched_pace.is_due():
            with self._lock:
                touched, self._touched = self._touched, set()
        if self._pace.is_due():
            with self._pace.measured():
                take(self.tree.look())
        elif touched:
            with self._touched_pace.measured():
                take(self.tree.look(touched))
        elif self._told and self._silent_pace.is_due():  # what is mounted below may tell of nothing
            with self._silent_pace.measured():
                take(self.tree.look(self.tree.silent()))
        return touched

    def next_at(self) -> float:
        """Return when the next look is due, in seconds of the clock."""
        return min(self._pace.next_at, self._touched_pace.next_at) if self._touched else self._pace.next_at


def without_events(why: str) -> str:
    """Return what it means that no events come, and why they don't."""
    return f"no events: {why}; new runs are found by looking every {TREE_SECONDS:g} seconds or so"
