"""The values of many items at once: JSON numbers by one call of orjson, typed ones by a look at their bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from runstore.index.decoding.heads import INTEGER, JSON, NUMBER, unaligned
from runstore.index.decoding.items import Answers, Bytes, Envelopes, Places

Floats = npt.NDArray[np.float64]

_JSON_TAIL = 0x01  # the second byte of the tag of a JSON value
_MINUS, _ZERO, _NINE = b"-09"
_BLANKS, _BLANKS_AND_COMMA = np.void(b" " * 8), np.void(b" " * 7 + b",")
_LONG_GAP = 64  # bytes between two values; longer ones are blanked one by one
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
        first, last = text[starts], text[ends - 1]
        good = (text[tags + 1] == _JSON_TAIL) & (starts + text[tags + 2] == ends) & (text[tags + 2] < 0x80)
        good &= (first <= _NINE) & ((first >= _ZERO) | (first == _MINUS)) & (last >= _ZERO) & (last <= _NINE)
        # A value before which there are not eight bytes of something else is one of an empty key.
        gaps = starts[1:] - ends[:-1] >= 8
        good[1:] &= gaps
        all_good = bool(good.all())
        if not all_good:
            places, starts, ends = places[good], starts[good], ends[good]
        parsed = _parsed(text, starts, ends) if len(places) else None
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
        if set(map(type, candidates)) != {int}:
            kept = [at for at, number in enumerate(candidates) if type(number) is int]
            integral, candidates = integral[kept], [candidates[at] for at in kept]
        try:
            exact = np.array(candidates, np.int64)
        except OverflowError:
            inside = [number in _INT64 for number in candidates]
            self.known[places[integral[~np.array(inside)]]] = False
            integral = integral[inside]
            exact = np.array([number for number in candidates if number in _INT64], np.int64)
        where = places[integral]
        self.integers[where], self.whole[where] = exact, True

    def _read_floats(self, text: Bytes, places: Places, tags: Places, ends: Places) -> None:
        good = tags + 9 == ends
        if not good.all():
            places, tags = places[good], tags[good]
        self.floats[places] = unaligned(text, "V8")[tags + 1].view("<f8")
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
        signed = (value >> np.uint64(1)).view(np.int64) ^ -(value & np.uint64(1)).view(np.int64)
        places = places[good]
        self.integers[places], self.whole[places], self.known[places] = signed[good], True, True
        self.floats[places] = signed[good]


def _parsed(text: Bytes, starts: Places, ends: Places) -> tuple[list[float | int], Floats] | None:
    """Return the numbers text[starts:ends], as they are and as floats; None where not each of them is one number."""
    begin, stop = int(starts[0]), int(ends[-1])
    size = stop - begin + 2
    blank = text[begin - 1 : stop + 8].copy()  # with room for a look at eight bytes
    blank[0], blank[size - 1] = b"[]"
    _blank(blank, ends[:-1] - (begin - 1), starts[1:] - (begin - 1))
    try:
        numbers = orjson.loads(blank[:size].data)
        # struct takes numbers alone: where brackets or quotes of one value swallowed others, a list or text is here.
        packed = struct.pack(f"<{len(starts)}d", *numbers)
    except (orjson.JSONDecodeError, struct.error, TypeError, OverflowError):
        return None
    return numbers, np.frombuffer(packed, "<f8")


def _blank(text: Bytes, begins: Places, ends: Places) -> None:
    """Write spaces over text[begins:ends], each eight bytes or longer, and a comma over the last of each."""
    words = unaligned(text, "V8")
    last = ends - 8
    words[begins] = _BLANKS
    sizes = ends - begins
    more = sizes > 16
    if more.any():
        long = sizes > _LONG_GAP
        for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
            text[begin:end] = ord(" ")
        more &= ~long
        at, stop = begins[more] + 8, last[more]
        while len(at):
            words[at] = _BLANKS
            at = at + 8
            left = at < stop
            at, stop = at[left], stop[left]
    words[last] = _BLANKS_AND_COMMA
