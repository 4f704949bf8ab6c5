"""Put rows together from the bytes of a log: what stands between their values is made once, the values are taken as
they are.

Decoding a row and spelling it anew costs five times as much. Here numpy finds the items of all rows of a megabyte, as
the index does (runstore/index/decoding), and a row's text is its shape with the pieces of the log put in. Every text
is parsed before it counts, since one line that is no JSON would keep all others back. Whatever is not exactly what
tools write is left to the caller, who decodes it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import orjson

from runstore.index.decoding.heads import INTEGER, JSON, NUMBER, UNKNOWN, KeyTable, ends_of_paths, words
from runstore.index.decoding.items import Answers, Bytes, Envelopes, Items, Places, items_of, varints
from runstore.index.decoding.numbers import unzigzagged
from runstore.runlog.payloads import Payloads
from runstore.syncd.runwise.content.rows import RowShape, are_lines, is_one_line

# Fewer records are as quick one by one: what numpy costs per call is not small.
MIN_RECORDS = 16
_MOST_SHAPES = 10_000  # a program that makes new keys for ever should not fill the memory
_LONGEST_STEP = 18  # characters; a longer one may be beyond 64 bits
_JSON_TAIL = 0x01  # the second byte of the tag of a JSON value


@dataclass
class Spliced:
    """Rows of one list of records, by the place of their record in it; and the places of `others`, which are no
    summaries either.
    """

    others: list[int]
    places: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    shapes: list[RowShape] = field(default_factory=list)
    values: list[tuple[bytes, ...]] = field(default_factory=list)

    def text(self, at: int) -> str | None:
        """Return the text of row `at`; None where its record must be decoded by itself."""
        text = self.shapes[at].template % self.values[at]
        return text.decode() if is_one_line(text) else None

    def lifted(self, at: int, step: int) -> str:
        """Return the text of row `at`, which is one, with this step in the place of its own."""
        shape, values = self.shapes[at], self.values[at]
        return (shape.template % (*values[: shape.step], b"%d" % step, *values[shape.step + 1 :])).decode()

    def texts(self, begin: int, end: int) -> list[str] | None:
        """Return the texts of the rows begin:end, with their own steps; None where not all of them are JSON."""
        shapes, values = self.shapes[begin:end], self.values[begin:end]
        texts = [shape.template % of_row for shape, of_row in zip(shapes, values, strict=True)]
        return [text.decode() for text in texts] if are_lines(texts) else None

    def add(self, place: int, shape: RowShape | None, values: tuple[bytes, ...]) -> None:
        """Add a row, or its record to the others where it has no shape, or a step that is no plain integer."""
        step = values[shape.step] if shape else b""
        if shape is None or not step.removeprefix(b"-").isdigit() or len(step) > _LONGEST_STEP:
            self.others.append(place)
            return
        self.places.append(place)
        self.steps.append(int(step))
        self.shapes.append(shape)
        self.values.append(values)

    def add_all(self, places: list[int], shape: RowShape, values: list[tuple[bytes, ...]]) -> bool:
        """Add rows of one shape; return whether all have steps that are plain integers, else none was added."""
        steps = [of_row[shape.step] for of_row in values]
        if not b"".join(steps).isdigit() or max(map(len, steps)) > _LONGEST_STEP:
            return False
        self.places += places
        self.steps += map(int, steps)
        self.shapes += [shape] * len(values)
        self.values += values
        return True


@dataclass(frozen=True)
class _Found:
    """The items of rows: the numbers of their keys, where their values' tags are, and where the values themselves.

    `places` are those of the rows' records; `good` tells of each item whether it is understood.
    """

    rows: Envelopes
    places: list[int]
    items: Items
    numbers: Places
    tags: Places
    starts: Places
    good: Answers

    @classmethod
    def of(cls, rows: Envelopes, places: list[int], table: KeyTable) -> _Found:
        items = items_of(rows, 0, len(places))
        tags = ends_of_paths(rows.text, items.begins)
        named = (tags > items.begins) & (tags < items.ends)
        numbers = table.numbers(rows.text, items.begins, np.where(named, tags + 1, items.begins))
        starts, good = _starts(rows.text, tags, items.ends)
        return cls(rows, places, items, numbers, tags, starts, good & (numbers != UNKNOWN))

    def alike(self) -> Places | None:
        """Return the numbers of the keys that all rows have in the same order; None where they don't."""
        width = int(self.items.counts[0])
        if not (self.items.good.all() and self.good.all() and width) or (self.items.counts != width).any():
            return None
        table = self.numbers.reshape(-1, width)
        return None if (table != table[0]).any() else table[0]

    def cells(self, order: Places | slice = slice(None)) -> list[bytes]:
        """Return the values of the items as JSON, in this order; typed ones are spelled."""
        raw, tags, starts = self.rows.raw, self.tags[order], self.starts[order]
        ends = self.items.ends[order].tolist()
        cells = [raw[start:end] for start, end in zip(starts.tolist(), ends, strict=True)]
        kinds = self.rows.text[tags]
        if not (kinds == JSON).all():
            _spell_typed(self.rows.text, kinds, starts, cells)
        return cells


class Splicer:
    """Finds rows in the bytes of many records. Remembers the keys that it saw; for one thread at a time."""

    def __init__(self) -> None:
        self._table = KeyTable()
        self._keys = self._table.keys
        self._shapes: dict[bytes, RowShape | None] = {}

    def spliced(self, payloads: Payloads) -> Spliced:
        """Return the rows that can be put together from these records."""
        if len(payloads) < MIN_RECORDS:
            return Spliced(list(range(len(payloads))))
        envelopes = Envelopes.of(payloads.text, np.array(payloads.sizes, np.int64))
        spliced = Spliced(np.flatnonzero(~envelopes.fits).tolist())
        places = np.flatnonzero(envelopes.fits & envelopes.is_row)
        if len(places):
            found = _Found.of(_chosen(envelopes, places), places.tolist(), self._table)
            if self._table.keys is not self._keys:  # it has forgotten which numbers they had
                self._keys, self._shapes = self._table.keys, {}
            if not self._add_alike(spliced, found):
                self._add_each(spliced, found)
            spliced.others.sort()
        return spliced

    def _add_alike(self, spliced: Spliced, found: _Found) -> bool:
        """Add rows that all have the same keys in the same order; return whether these are such."""
        numbers = found.alike()
        shape = None if numbers is None else self._shape(numbers.astype(np.int32).tobytes())
        if numbers is None or shape is None:
            return False
        values: list[tuple[bytes, ...]] = list(zip(*[iter(found.cells())] * len(numbers), strict=True))
        if not shape.is_in_order:
            values = list(map(itemgetter(*shape.order), values))
        return spliced.add_all(found.places, shape, values)

    def _add_each(self, spliced: Spliced, found: _Found) -> None:
        bad = ~found.items.good
        bad[found.items.records[~found.good]] = True
        # Stock's rows have their items in random order: sorted by their keys, there are few shapes.
        order = np.argsort(found.items.records * (len(self._keys) + 1) + found.numbers, kind="stable")
        cells, names = found.cells(order), found.numbers[order].astype(np.int32).tobytes()
        ends = np.cumsum(found.items.counts).tolist()
        for place, is_bad, begin, end in zip(found.places, bad.tolist(), [0, *ends[:-1]], ends, strict=True):
            shape = None if is_bad else self._shape(names[4 * begin : 4 * end])
            values = tuple(cells[begin:end])
            if shape is not None and not shape.is_in_order:
                values = itemgetter(*shape.order)(values)
            spliced.add(place, shape, values)

    def _shape(self, names: bytes) -> RowShape | None:
        """Return the shape of rows with the keys of these numbers."""
        try:
            return self._shapes[names]
        except KeyError:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            keys = [self._keys[number] for number in np.frombuffer(names, np.int32).tolist()]
            shape = self._shapes[names] = RowShape.of(keys)
            return shape


class _OfThread(threading.local):
    """One for each thread: logs are mostly like those before them, and their keys are learnt once."""

    def __init__(self) -> None:
        self.splicer = Splicer()


_OF_THREAD = _OfThread()


def splicer() -> Splicer:
    """Return this thread's splicer."""
    return _OF_THREAD.splicer


def _chosen(found: Envelopes, places: Places) -> Envelopes:
    """Return those of the records that are at these places."""
    begins, ends, bodies, nums = (column[places] for column in (found.begins, found.ends, found.bodies, found.nums))
    return Envelopes(found.raw, found.text, begins, ends, bodies, nums, found.is_row[places], found.fits[places])


def _starts(text: Bytes, tags: Places, ends: Places) -> tuple[Places, Answers]:
    """Return where the values behind these tags begin, and which are one value that ends where its item does."""
    kinds = text[tags]
    sizes, starts, whole = varints(text, tags + 2)
    good = (kinds == JSON) & (text[tags + 1] == _JSON_TAIL) & whole & (starts + sizes == ends) & (sizes > 0)
    if good.all():
        return starts, good
    good |= (kinds == NUMBER) & (tags + 9 == ends)
    integers = np.flatnonzero(kinds == INTEGER)
    _, behind, whole = varints(text, tags[integers] + 1)
    good[integers] = whole & (behind == ends[integers])
    return np.where(kinds == JSON, starts, tags + 1), good


def _spell_typed(text: Bytes, kinds: Bytes, starts: Places, cells: list[bytes]) -> None:
    """Put the JSON of floats and integers in the place of their bytes."""
    numbers = np.flatnonzero(kinds == NUMBER)
    floats = words(text, starts[numbers]).view("<f8").tolist()
    for at, spelled in zip(numbers.tolist(), _spelled(floats), strict=True):
        cells[at] = spelled
    integers = np.flatnonzero(kinds == INTEGER)
    zigzag, _, _ = varints(text, starts[integers])
    for at, whole in zip(integers.tolist(), unzigzagged(zigzag.view(np.uint64)).tolist(), strict=True):
        cells[at] = b"%d" % whole


_ODD = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}


def _spelled(numbers: list[float]) -> list[bytes]:
    """Return numbers as JSON, those that it lacks as bare words; all at once, which is much quicker than one by one."""
    texts = orjson.dumps(numbers)[1:-1].split(b",") if numbers else []
    return [_ODD[repr(number)] if text == b"null" else text for number, text in zip(numbers, texts, strict=True)]
