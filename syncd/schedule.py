"""Which delivery comes next: live logs first, small ones first, and none of them never. No clock, no threads.

A log stands here once at most, and is never handed out again before it was handed back. Its place among its like is
fixed when it comes, by the time plus a bonus for being small: a log that came later by more than the largest bonus is
never served before it. Live logs go before all others, but every fourth turn belongs to whoever has waited longest,
so that a thousand live runs cannot keep a finished one waiting for ever.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)

# A log is served as if it had come so much later for each doubling of what it has to send: 1 GB waits some 40 s
# longer than 1 kB.
SECONDS_PER_DOUBLING = 2.0
# Every so many turns, who has waited longest comes first, whatever it is.
TURNS = 4


@dataclass(slots=True)
class _Entry:
    is_live: bool
    size: int
    since: float
    not_before: float
    serial: int  # tells the entry that counts from those that the heaps still hold of the same log

    @property
    def doublings(self) -> int:
        """How often a byte is doubled until it is as much as is to be sent."""
        return max(self.size, 1).bit_length()


class Schedule(Generic[_Key]):
    """The queue. Times are seconds of a clock that never goes back. Every call costs O(log n)."""

    def __init__(self) -> None:
        self._entries: dict[_Key, _Entry] = {}
        self._busy: set[_Key] = set()
        self._later: list[tuple[float, int, _Key]] = []
        self._live: list[tuple[float, int, _Key]] = []
        self._others: list[tuple[float, int, _Key]] = []
        self._oldest: list[tuple[float, int, _Key]] = []
        self._serial = 0
        self._turn = 0

    def __len__(self) -> int:
        """Return how many wait, whether they are due or not; those that were handed out don't count."""
        return len(self._entries)

    def __contains__(self, key: _Key) -> bool:
        return key in self._entries

    @property
    def busy(self) -> frozenset[_Key]:
        """Those that were handed out."""
        return frozenset(self._busy)

    def put(self, key: _Key, size: int, now: float, *, is_live: bool = False, not_before: float = 0.0) -> None:
        """Let `key` wait, with about `size` bytes to send; what waits already keeps its time of arrival."""
        before = self._entries.get(key)
        since = before.since if before else max(now, not_before)
        entry = _Entry(is_live, size, since, not_before, self._serial + 1)
        if before is not None and _place(before) == _place(entry):
            before.size = size  # nothing is entered: of a live log while a target is down, there would be no end of it
            return
        self._serial += 1
        self._entries[key] = entry
        if key not in self._busy:
            self._enter(key, entry, now)

    def discard(self, key: _Key) -> None:
        """Forget what waits; one that was handed out stays so until `done`."""
        self._entries.pop(key, None)

    def take(self, now: float) -> _Key | None:
        """Hand out the next one that is due; None where there is none. `done` hands it back."""
        self._ripen(now)
        self._turn += 1
        heaps = (self._live, self._others)
        for heap in (self._oldest, *heaps) if self._turn % TURNS == 0 else heaps:
            key = self._first(heap)
            if key is not None:
                del self._entries[key]
                self._busy.add(key)
                return key
        return None

    def done(self, key: _Key, now: float) -> None:
        """Take back what was handed out; if it was put here again meanwhile, it waits from now on."""
        self._busy.discard(key)
        entry = self._entries.get(key)
        if entry is not None:
            entry.since = max(entry.since, now)
            self._enter(key, entry, now)

    def next_at(self, now: float) -> float | None:
        """Return the time at which `take` has something to hand out, `now` where it has; None: when more is put."""
        self._ripen(now)
        if any(self._peek(heap) is not None for heap in (self._live, self._others)):
            return now
        return self._later[0][0] if self._later else None

    def _enter(self, key: _Key, entry: _Entry, now: float) -> None:
        if entry.not_before > now:
            heapq.heappush(self._later, (entry.not_before, entry.serial, key))
            return
        rank = entry.since + SECONDS_PER_DOUBLING * entry.doublings
        heapq.heappush(self._live if entry.is_live else self._others, (rank, entry.serial, key))
        heapq.heappush(self._oldest, (entry.since, entry.serial, key))

    def _ripen(self, now: float) -> None:
        """Bring in those whose time has come."""
        while self._peek(self._later) is not None and self._later[0][0] <= now:
            _, _, key = heapq.heappop(self._later)
            self._enter(key, self._entries[key], now)

    def _first(self, heap: list[tuple[float, int, _Key]]) -> _Key | None:
        if self._peek(heap) is None:
            return None
        return heapq.heappop(heap)[2]

    def _peek(self, heap: list[tuple[float, int, _Key]]) -> _Key | None:
        """Return the first of a heap that still counts, and drop those before it that don't."""
        while heap:
            _, serial, key = heap[0]
            entry = self._entries.get(key)
            if entry is not None and entry.serial == serial and key not in self._busy:
                return key
            heapq.heappop(heap)
        return None


def _place(entry: _Entry) -> tuple[bool, int, float]:
    """Return what decides where a log stands, but for the time since which it does."""
    return entry.is_live, entry.doublings, entry.not_before
