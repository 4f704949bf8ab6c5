"""Ask SQLite for many rows by their ids: some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_AT_ONCE = 500  # rows named in one statement: older SQLite takes 999


def slices(rows: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the ids of rows, so many at a time as any SQLite takes in one statement."""
    for at in range(0, len(rows), _AT_ONCE):
        yield tuple(rows[at : at + _AT_ONCE])
