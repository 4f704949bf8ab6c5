"""How many uploads at once are worth a thread each, by how long the storage lets the small ones wait.

Threads that wait for a storage cost nothing, and a thousand images are a thousand round trips. Threads that need not
wait are only in each other's way: where the storage is near, two of them take longer than one.
"""

from __future__ import annotations

# Files up to this size wait for the storage more than for the line.
_SMALL_BYTES = 64 << 10
# What an upload takes of the processor here: threads beyond those that keep it busy bring nothing.
_OWN_SECONDS = 0.0003
_MOST_AT_ONCE = 64
_LARGE_AT_ONCE = 8  # each has a piece of its file in memory


class Overlap:
    """What was seen of one storage; any number of threads may tell and ask."""

    def __init__(self) -> None:
        self._fastest: float | None = None  # seconds, of the small ones
        self._has_large = False

    def took(self, seconds: float, size: int) -> None:
        """Take note of an upload of `size` bytes."""
        if size > _SMALL_BYTES:
            self._has_large = True
        elif self._fastest is None or seconds < self._fastest:
            self._fastest = seconds

    @property
    def at_once(self) -> int:
        """How many uploads should be under way at once; one as long as nothing is known."""
        if self._fastest is None:
            return _LARGE_AT_ONCE if self._has_large else 1
        return max(1, min(_MOST_AT_ONCE, round(self._fastest / _OWN_SECONDS)))
