"""Rows that all have the same keys in the same order, as most training loops log them: known by one of them.

What an item begins with is then the same in every row, but for its length. So one item of all rows is found, and its
key told, by comparing a few words of eight bytes; a row in which a single bit of them differs is none of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runstore.core.keys import Key
from runstore.index.decoding.heads import UNKNOWN, KeyTable, ends_of_paths, unaligned
from runstore.index.decoding.items import Bytes, Envelopes, Items, Places, items_of, step_nums_of

_WORD = 8
_SHORT = 0x80  # lengths below it have one byte
# The second byte of an item is its length; of its first word, all other bits are to be the same.
_NO_LENGTH, _LENGTH, _LENGTH_BITS = np.uint64(0xFFFF_FFFF_FFFF_80FF), np.uint64(0x7F), np.uint64(8)


@dataclass(frozen=True)
class _Head:
    """What an item begins with: its tag, its length, its path, and the first byte of its value's tag."""

    size: int
    kind: str  # of numpy: bytes that begin with the head, and hold `words`
    words: list[np.uint64]
    masks: list[np.uint64]

    @classmethod
    def of(cls, head: bytes) -> _Head:
        """Take up the first bytes of an item; its length is to have one byte, and any value."""
        size, count = len(head), -(-len(head) // _WORD)
        words = np.frombuffer((head[:1] + bytes(1) + head[2:]).ljust(count * _WORD, b"\0"), "<u8")
        masks = np.frombuffer((b"\xff" * size).ljust(count * _WORD, b"\0"), "<u8").copy()
        masks[0] &= _NO_LENGTH
        return cls(size, f"V{count * _WORD}", list(words), list(masks))

    def ends(self, text: Bytes, at: Places) -> Places | None:
        """Return where the items at `at` end; None where not all of them are like this."""
        words = unaligned(text, self.kind)[at].view("<u8").reshape(len(at), -1)
        lengths = words[:, 0] ^ self.words[0]
        if (lengths & self.masks[0]).any():
            return None
        for number in range(1, len(self.words)):
            if ((words[:, number] ^ self.words[number]) & self.masks[number]).any():
                return None
        sizes: Places = ((lengths >> _LENGTH_BITS) & _LENGTH).view(np.int64)
        sizes += at
        sizes += 2
        return sizes


class Pattern:
    """The keys of a row in order, and what its items begin with."""

    def __init__(self, keys: list[Key], heads: list[bytes]) -> None:
        self.keys = keys
        self._heads = [_Head.of(head) for head in heads]
        self._sizes = np.array([head.size for head in self._heads], np.int64)

    @classmethod
    def of(cls, found: Envelopes, row: int, table: KeyTable) -> Pattern | None:
        """Return the pattern of a row; None where it has none, or one that can't be told."""
        named = named_items(found, row, table)
        if named is None:
            return None
        keys, items, tags = named
        spans = zip((items.begins - 2).tolist(), (tags + 1).tolist(), strict=True)
        return cls(keys, [found.raw[begin:end] for begin, end in spans])

    def items(self, found: Envelopes, first: int, stop: int) -> tuple[Items, Places] | None:
        """Return the items of the records first:stop, and where the tags of their values stand.

        None where not all of them are rows like this.
        """
        at = found.bodies[first:stop]
        places = np.empty((len(at), len(self._heads) + 1), np.int64)
        for number, head in enumerate(self._heads):
            places[:, number] = at
            ends = head.ends(found.text, at)
            if ends is None:  # nothing is looked at behind what is not understood
                return None
            at = ends
        places[:, -1] = at
        nums, good = step_nums_of(found.text, at, found.ends[first:stop], found.is_row[first:stop])
        tags = places[:, :-1] + (self._sizes - 1)
        if not (good.all() and (tags < places[:, 1:]).all()):
            return None
        counts = np.full(len(at), len(self._heads))
        items = Items((places[:, :-1] + 2).ravel(), places[:, 1:].ravel(), counts, nums, good)
        return items, tags.ravel()


def named_items(found: Envelopes, row: int, table: KeyTable) -> tuple[list[Key], Items, Places] | None:
    """Return the keys of a row, its items, and where the tags of their values stand.

    None where these can't be told, or an item is not of less than 128 bytes.
    """
    items = items_of(found, row, row + 1)
    tags = ends_of_paths(found.text, items.begins)
    named = (tags > items.begins) & (tags < items.ends) & (items.ends - items.begins < _SHORT)
    if not items.good.all() or not len(tags) or not named.all():
        return None
    numbers = table.numbers(found.text, items.begins, tags + 1).tolist()
    if UNKNOWN in numbers or len(set(numbers)) < len(numbers):
        return None
    return [table.keys[number] for number in numbers], items, tags
