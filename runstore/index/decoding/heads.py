"""Which key each item is of: the bytes before an item's value, known once, are found again in thousands of items.

A head is what an item begins with: its path and the tag of its value. The first time that it is seen, protobuf says
what key that is; from then on its bytes say so. Items are looked up together, by a hash of their heads; the bytes
are compared afterwards, so that no hash is ever trusted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from runstore.core.keys import Key, dotted, key_of
from runstore.index.decoding.items import Bytes, Places
from runstore.runlog import codec
from runstore.runlog.record_pb2 import HistoryItem

NESTED, PLAIN = 0x12, 0x0A  # tags of a path
JSON, NUMBER, INTEGER = 0x82, 0x31, 0x28  # tags of a value; the first is two bytes, behind it comes 01
UNKNOWN = -1  # the number of a key that can't be told
_DEEPEST = 16  # keys inside one another; deeper items are decoded by themselves
_LONGEST = 1024  # bytes of a head
_MOST_HEADS = 100_000  # of one log; then they are forgotten, so that memory stays bounded

_Heads = npt.NDArray[np.void]
_Hashes = npt.NDArray[np.uint64]
_MULTIPLIERS = np.random.default_rng(20240101).integers(1, 1 << 63, _LONGEST // 8 + 1, dtype=np.uint64) | np.uint64(1)
# So many heads of one length are found in a table of so many slots, without a search.
_FEW_HEADS, _SLOT_BITS = 40, 11
_SHIFT = np.uint64(64 - _SLOT_BITS)


class _OfOneLength:
    """The known heads of one length, sorted by their hashes."""

    def __init__(self) -> None:
        self.known: dict[bytes, int] = {}  # head -> number of its key
        self.hashes: _Hashes = np.empty(0, np.uint64)
        self.heads: _Heads = np.empty(0, "V1")
        self.keys: Places = np.empty(0, np.int64)
        self.offset: int | None = None  # of the bytes that tell the heads from each other; None: it takes all of them
        self._slots: Places | None = None
        self._multiplier = _MULTIPLIERS[0]

    def sort(self, size: int) -> None:
        """Take in what `known` is now: find what tells the heads from each other, and sort them by that."""
        joined = np.frombuffer(b"".join(self.known) + bytes(8), np.uint8)
        heads = np.frombuffer(joined.data, f"V{size}", len(self.known))
        begins = np.arange(len(heads)) * size
        for self.offset in (*range(size - 9, -1, -8), None):
            hashes = self.hashes_of(joined, begins, size)
            if _all_differ(hashes):  # without an offset: very nearly always
                break
        order = np.argsort(hashes, kind="stable")
        self.hashes, self.heads = hashes[order], heads[order]
        self.keys = np.fromiter(self.known.values(), np.int64, len(heads))[order]
        self._find_multiplier()

    def _find_multiplier(self) -> None:
        """Look for a number that spreads a few hashes over a small table, each into a slot of its own."""
        self._slots = None
        if len(self.hashes) > _FEW_HEADS:
            return
        for self._multiplier in _MULTIPLIERS:
            slots = (self.hashes * self._multiplier) >> _SHIFT
            if _all_differ(slots):
                self._slots = np.zeros(1 << _SLOT_BITS, np.intp)
                self._slots[slots.astype(np.intp)] = np.arange(len(slots))
                return

    def hashes_of(self, text: Bytes, begins: Places, size: int) -> _Hashes:
        """Return what heads are found by: eight of their bytes where these are different in all known ones."""
        return _hashes(text, begins, size) if self.offset is None else words(text, begins + self.offset)

    def places(self, hashes: _Hashes) -> Places:
        """Return where in `heads` each of these would be."""
        if self._slots is not None:
            slots: Places = self._slots[((hashes * self._multiplier) >> _SHIFT).view(np.int64)]
            return slots
        found: Places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return found


class KeyTable:
    """The keys of a log's items, numbered. Forgets them all where they are too many."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.keys: list[Key] = []
        self._numbers: dict[Key, int] = {}
        self._names: dict[str, Key] = {}
        self._by_length: dict[int, _OfOneLength] = {}
        self._heads = 0

    def numbers(self, text: Bytes, begins: Places, stops: Places) -> Places:
        """Return the numbers (in `keys`) of the keys of the heads text[begins:stops]; UNKNOWN where there is none."""
        if self._heads > _MOST_HEADS:
            self._forget()
        sizes = stops - begins
        answer = np.full(len(begins), UNKNOWN, np.int64)
        for size in np.flatnonzero(np.bincount(np.minimum(sizes, _LONGEST))).tolist():
            if size in (0, _LONGEST):
                continue
            chosen = np.flatnonzero(sizes == size)
            answer[chosen] = self._of_length(size, text, begins[chosen])
        return answer

    def _of_length(self, size: int, text: Bytes, begins: Places) -> Places:
        table = self._by_length.setdefault(size, _OfOneLength())
        heads = unaligned(text, f"V{size}")[begins]
        if not table.known:
            self._learn(table, size, heads[:1])
        places = table.places(table.hashes_of(text, begins, size))
        wrong = table.heads[places] != heads
        if not wrong.any():
            return table.keys[places]
        if self._learn(table, size, heads[wrong]):
            places = table.places(table.hashes_of(text, begins, size))
            wrong = table.heads[places] != heads
        return np.where(wrong, UNKNOWN, table.keys[places])

    def _learn(self, table: _OfOneLength, size: int, heads: _Heads) -> bool:
        """Take up heads that are not known; return whether there were any."""
        new = {head for head in map(bytes, heads.tolist()) if head not in table.known}
        for head in new:
            table.known[head] = self._number(head[:-1])
        if new:
            self._heads += len(new)
            table.sort(size)
        return bool(new)

    def _number(self, path: bytes) -> int:
        """Return the number of the key that an item with this path has."""
        try:
            names = codec.path_of(HistoryItem.FromString(path))
        except DecodeError:
            return UNKNOWN
        if not names:
            return UNKNOWN
        key = key_of(names)
        if self._names.setdefault(dotted(key), key) != key:  # two keys of one series: only their order tells its points
            return UNKNOWN
        number = self._numbers.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
        return number


def ends_of_paths(text: Bytes, begins: Places) -> Places:
    """Return where the paths of items end and the tags of their values stand; `begins` where that can't be told."""
    tag, size = text[begins], text[begins + 1]
    at = begins + 2 + size
    nested = tag == NESTED
    known = (nested | (tag == PLAIN)) & (size < 0x80)
    deeper = np.flatnonzero(known & nested & (text[np.where(known, at, begins)] == NESTED))
    for _ in range(_DEEPEST):
        if not len(deeper):
            break
        size = text[at[deeper] + 1]
        at[deeper] += 2 + size
        known[deeper] &= size < 0x80
        deeper = deeper[(size < 0x80) & (at[deeper] < len(text) - 1024)]
        deeper = deeper[text[at[deeper]] == NESTED]
    known[deeper] = False
    return np.where(known, at, begins)


def unaligned(text: Bytes, kind: str) -> npt.NDArray[Any]:
    """Return a view in which element n is of type `kind` and begins at byte n of the text."""
    of = np.dtype(kind)
    view: npt.NDArray[Any] = np.ndarray((len(text) - of.itemsize + 1,), of, text.data, strides=(1,))
    return view


def _all_differ(numbers: _Hashes) -> bool:
    return len(set(numbers.tolist())) == len(numbers)  # np.unique would import np.ma, which takes milliseconds


def words(text: Bytes, begins: Places) -> _Hashes:
    """Return the eight bytes at each of `begins`, as a number."""
    found: _Hashes = unaligned(text, "V8")[begins].view("<u8")
    return found


def _hashes(text: Bytes, begins: Places, size: int) -> _Hashes:
    """Return a hash of text[begins:begins + size], for each of `begins`."""
    if size < 8:
        short: _Hashes = (words(text, begins) & np.uint64((1 << 8 * size) - 1)) * _MULTIPLIERS[0]
        return short
    total = np.zeros(len(begins), np.uint64)
    for number, offset in enumerate((*range(0, size - 8, 8), size - 8)):
        word = words(text, begins + offset)
        total += (word ^ (word >> np.uint64(29))) * _MULTIPLIERS[number]
    return total
