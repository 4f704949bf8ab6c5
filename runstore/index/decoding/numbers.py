"""The values of many items at once: JSON numbers by one call of orjson, typed ones by a look at their bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from runstore.index.decoding.heads import INTEGER, JSON, NUMBER, unaligned, words
from runstore.index.decoding.items import Answers, Bytes, Envelopes, Places

Floats = npt.NDArray[np.float64]

_JSON_TAIL = 0x01  # the second byte of the tag of a JSON value
_LONGEST = 32  # characters of a number; a float64 or int64 needs 24
_MINUS, _ZERO = np.frombuffer(b"-0", np.uint8)
# Numbers are parsed as an array of cells of a few words each. For cells so wide: which bytes are a value's of a size.
_KEPT = [(np.tri(8 * width, k=-1, dtype=np.uint8) * np.uint8(0xFF)).view("<u8") for width in range(_LONGEST // 8 + 1)]
_BLANK, _OPENING = np.frombuffer(b"               [", "<u8")
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass
class Values:
    """A value for each item: an integer where `whole`, else a float; none where not `known`."""

    floats: Floats
    integers: Places
    whole: Answers
    known: Answers

    @classmethod
    def of(cls, found: Envelopes, tags: Places, ends: Places) -> Values:
        """Read the values whose tags are at `tags` and which end at `ends`."""
        text, count = found.text, len(tags)
        values = cls(np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.bool_), np.zeros(count, np.bool_))
        kind = text[tags]
        for tag, read in ((JSON, values._read_json), (NUMBER, values._read_floats), (INTEGER, values._read_integers)):
            chosen = kind == tag
            if chosen.all():
                read(text, np.arange(count), tags, ends)
            elif chosen.any():
                places = np.flatnonzero(chosen)
                read(text, places, tags[places], ends[places])
        return values

    def _read_json(self, text: Bytes, places: Places, tags: Places, ends: Places) -> None:
        starts = tags + 3
        sizes = ends - starts
        good = (text[tags + 1] == _JSON_TAIL) & (text[tags + 2] == sizes) & (sizes < _LONGEST)
        first = text[starts]
        good &= ((first - _ZERO) <= 9) | (first == _MINUS)  # bytes: what is below zero is far above nine
        good &= (text[ends - 1] - _ZERO) <= 9
        all_good = bool(good.all())
        if not all_good:
            places, starts, sizes = places[good], starts[good], sizes[good]
        parsed = _parsed(text, starts, sizes) if len(places) else None
        if parsed is None:
            return
        numbers, floats = parsed
        if all_good and len(places) == len(self.known):
            self.floats, self.known = floats, good
        else:
            self.floats[places], self.known[places] = floats, True
        self._set_integers(places, floats, numbers)

    def _set_integers(self, places: Places, floats: Floats, numbers: list[float | int]) -> None:
        """Of the numbers, set those that are integers; beyond 64 bits they are no points of a series."""
        integral = np.flatnonzero(np.floor(floats) == floats)
        candidates = list(map(numbers.__getitem__, integral.tolist()))
        try:
            exact = np.frombuffer(struct.pack(f"<{len(candidates)}q", *candidates), np.int64)  # of integers alone
        except struct.error:
            kept = [at for at, number in enumerate(candidates) if type(number) is int]
            inside = [at for at in kept if candidates[at] in _INT64]
            self.known[places[integral[kept]]] = False
            self.known[places[integral[inside]]] = True
            integral, exact = integral[inside], np.array([candidates[at] for at in inside], np.int64)
        where = places[integral]
        self.integers[where], self.whole[where] = exact, True

    def _read_floats(self, text: Bytes, places: Places, tags: Places, ends: Places) -> None:
        good = tags + 9 == ends
        if not good.all():
            places, tags = places[good], tags[good]
        self.floats[places] = words(text, tags + 1).view("<f8")
        self.known[places] = True

    def _read_integers(self, text: Bytes, places: Places, tags: Places, ends: Places) -> None:
        at, more = tags + 1, np.ones(len(tags), np.bool_)
        value = np.zeros(len(tags), np.uint64)
        for shift in range(0, 70, 7):
            byte = text[at]
            value |= np.where(more, (byte & 0x7F).astype(np.uint64) << np.uint64(shift), np.uint64(0))
            at = at + more
            more &= byte >= 0x80
            if not more.any():
                break
        good = ~more & (at == ends)
        signed = unzigzagged(value)
        places = places[good]
        self.integers[places], self.whole[places], self.known[places] = signed[good], True, True
        self.floats[places] = signed[good]


def unzigzagged(numbers: npt.NDArray[np.uint64]) -> Places:
    """Return signed numbers, of which the lowest bit is the sign in a log."""
    signed: Places = (numbers >> np.uint64(1)).view(np.int64) ^ -(numbers & np.uint64(1)).view(np.int64)
    return signed


def _parsed(text: Bytes, starts: Places, sizes: Places) -> tuple[list[float | int], Floats] | None:
    """Return the numbers at `starts`, as they are and as floats; None where not each of them is one number."""
    width = int(sizes.max()) // 8 + 1
    cells = unaligned(text, f"V{8 * width}")[starts].view("<u8")
    cells ^= _BLANK
    cells &= _KEPT[width].take(sizes, axis=0).ravel()
    array = np.empty(len(cells) + 1, "<u8")
    array[:1] = _OPENING
    np.bitwise_xor(cells, _BLANK, out=array[1:])  # again: back to what it was, or a space where nothing was kept
    characters = array.view(np.uint8)
    characters[7 + 8 * width :: 8 * width] = ord(",")
    characters[-1] = ord("]")
    try:
        numbers = orjson.loads(characters.data)
        # struct takes numbers alone: where brackets or quotes of one value swallowed others, a list or text is here.
        packed = struct.pack(f"<{len(starts)}d", *numbers)
    except (orjson.JSONDecodeError, struct.error, TypeError, OverflowError):
        return None
    return numbers, np.frombuffer(packed, "<f8")
