"""The payloads of records that were read together, left where they lay: no object is made for each of them.

Who decodes thousands of records at once looks at all of their bytes together (`text`), so they are copied once, as
they stand in the file, with the headers of their chunks between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate

GAP_BYTES = 7  # before each payload: the header of its chunk, or as many bytes of anything
# Zeros behind the last payload, so that no look at a wrong one goes beyond the end.
SLACK = bytes(4096)
_NO_HEADER = bytes(GAP_BYTES)


class Payloads:
    """Payloads of records, in order; first all are added, then they are read."""

    def __init__(self) -> None:
        self.sizes: list[int] = []  # in bytes
        self._parts: list[bytes | memoryview] = []

    @classmethod
    def of(cls, payloads: Iterable[bytes]) -> Payloads:
        """Return these payloads."""
        some = cls()
        for payload in payloads:
            some.add(payload)
        return some

    def add(self, payload: bytes) -> None:
        """Add one payload."""
        self._parts += (_NO_HEADER, payload)
        self.sizes.append(len(payload))

    def add_chunks(self, chunks: memoryview, sizes: list[int]) -> None:
        """Add records that follow one another in a file, each in one chunk; `sizes` of their payloads."""
        self._parts.append(chunks)
        self.sizes += sizes

    @cached_property
    def text(self) -> bytes:
        """The bytes of all, GAP_BYTES before each, SLACK behind the last."""
        return b"".join((*self._parts, SLACK))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(size + GAP_BYTES for size in self.sizes))

    def __len__(self) -> int:
        return len(self.sizes)

    def begin(self, at: int) -> int:
        """Return where in `text` a payload begins."""
        return self._ends[at] - self.sizes[at]

    def __getitem__(self, at: int) -> bytes:
        return self.text[self.begin(at) : self._ends[at]]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))
