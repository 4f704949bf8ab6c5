"""A logged table, read from its JSON: found, filtered, sorted, a page at a time. No cell is ever unpickled."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import orjson

from runstore.errors import UsageError

MOST_JOINED_ROWS = 500_000
MOST_COLUMNS = 100_000
MOST_CELLS = 1 << 25  # as many as a file of 64 MiB can have
_MOST_ORDERS_KEPT = 4
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": le,
    ">=": ge,
    "!=": ne,
    "<": lt,
    ">": gt,
    "=": eq,
}
_WORD = re.compile(r'"[^"]*"(?:\s|$)|(?:[^\s"]|"[^"]*")+')
_CONDITION = re.compile(r'("[^"]+"|[^"<>=!:]+?)(<=|>=|!=|<|>|=|:)(.*)', re.DOTALL)

Row = list[Any]
Test = Callable[[Row], bool]


class NotATable(UsageError):
    """The file is no table, or one that is too large to be shown."""


@dataclass
class Table:
    """Rows of a table under its columns; `kinds` are those of the columns that are known, such as `timestamp`."""

    columns: list[str]
    rows: list[Row]
    kinds: dict[str, str] = field(default_factory=dict)
    _orders: dict[tuple[str, str | None, bool], Sequence[int]] = field(default_factory=dict, repr=False)

    def order(self, words: str = "", column: str | None = None, descending: bool = False) -> Sequence[int]:
        """Return the numbers of the rows that fit all words, sorted by a column if one is given; empty cells last.

        A word is in any cell of the row, whatever the case of letters; `column:word`, `column=value`, `column>1` ask
        one column. Raises UsageError for a comparison that can't be, and for no column.
        """
        asked = words, column, descending
        found = self._orders.get(asked)
        if found is None:
            found = self._sorted(self._fitting(words), column, descending)
            while len(self._orders) >= _MOST_ORDERS_KEPT:
                self._orders.pop(next(iter(self._orders)), None)
            self._orders[asked] = found
        return found

    def place(self, column: str) -> int:
        """Return the number of a column. Raises UsageError, naming those that there are."""
        try:
            return self.columns.index(column)
        except ValueError:
            known = ", ".join(self.columns[:10])
            raise UsageError(f"the table has no column {column!r}; it has {known}") from None

    def _fitting(self, words: str) -> Sequence[int]:
        tests = [self._test(word.strip()) for word in _WORD.findall(words)]
        if not tests:
            return range(len(self.rows))
        return [number for number, row in enumerate(self.rows) if all(test(row) for test in tests)]

    def _test(self, word: str) -> Test:
        condition = _CONDITION.fullmatch(word)
        if condition is None or condition[1].strip('"') not in self.columns:
            wanted = word.replace('"', "").lower()
            return lambda row: any(wanted in text_of(cell).lower() for cell in row)
        place, value = self.place(condition[1].strip('"')), condition[3].replace('"', "")
        if condition[2] == ":":
            return lambda row: value.lower() in text_of(row[place]).lower()
        return _comparison(place, condition[2], value)

    def _sorted(self, numbers: Sequence[int], column: str | None, descending: bool) -> Sequence[int]:
        if column is None:
            return numbers[::-1] if descending else numbers
        place = self.place(column)
        filled = [number for number in numbers if not _is_empty(self.rows[number][place])]
        empty = [number for number in numbers if _is_empty(self.rows[number][place])]
        return [*sorted(filled, key=lambda number: _rank(self.rows[number][place]), reverse=descending), *empty]


def memory_of(data: bytes) -> int:
    """Return about how many bytes of memory `parsed` takes for a JSON, its text not among them.

    It counts what values begin and end with, in a fifth of a second for 64 MiB, and was 0.87 to 1.46 times what tables
    of numbers, texts, lists, dicts and pictures took (twice for empty dicts). The size alone says little: 64 MiB take
    300 MiB as long texts, 1.0 GiB as small numbers, 2.1 GiB as pairs in dicts (CPython 3.11, orjson 3.11).
    """
    values, texts = data.count(b","), data.count(b'"') // 2
    lists, dicts = data.count(b"["), data.count(b"{")
    return 36 * values + 60 * (lists + texts) + 160 * dicts + 3 * len(data)


def parsed(data: bytes) -> Any:
    """Return the JSON in a file, NaN and infinities included. Raises NotATable for what is none."""
    try:
        return orjson.loads(data)
    except ValueError:
        pass  # NaN, which orjson does not take
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotATable(f"the table's file holds no JSON: {error}") from error


def table_of(said: Any) -> Table:
    """Return the table in the JSON of a file: that of a run, or the one of an artifact. Raises NotATable."""
    names, data = (said.get("columns"), said.get("data")) if isinstance(said, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(data, list):
        raise NotATable("the file holds no table: it has no columns, or no data")
    _check_size(len(data), width := len(names))
    columns = _different([str(name) for name in names])
    for number, row in enumerate(data):  # in place: of a large table a copy would not fit as well
        if isinstance(row, list) and len(row) != width:
            data[number] = [*row, *[None] * (width - len(row))][:width]
    rows = data if all(isinstance(row, list) for row in data) else [row for row in data if isinstance(row, list)]
    return Table(columns, rows, _kinds(said.get("column_types")))


def joined(one: Table, other: Table, keys: tuple[str, str]) -> Table:
    """Return rows of two tables side by side where their keys are equal; a row without a partner stands alone."""
    places = one.place(keys[0]), other.place(keys[1])
    width = len(one.columns) + len(other.columns)
    partners: dict[str, list[int]] = {}
    for number, row in enumerate(other.rows):
        partners.setdefault(text_of(row[places[1]]), []).append(number)
    rows: list[Row] = []
    met: set[int] = set()
    for row in one.rows:
        found = partners.get(text_of(row[places[0]]), [])
        met.update(found)
        if len(rows) + len(found) > MOST_JOINED_ROWS:
            raise NotATable(f"the tables make more than {MOST_JOINED_ROWS:,} rows together: their keys are not unique")
        _check_size(len(rows) + len(found), width)
        rows += [[*row, *other.rows[number]] for number in found] or [[*row, *[None] * len(other.columns)]]
    alone = [row for number, row in enumerate(other.rows) if number not in met]
    rows += [[*[None] * len(one.columns), *row] for row in alone]
    names = [*(f"{name} (1)" for name in one.columns), *(f"{name} (2)" for name in other.columns)]
    kinds = {f"{name} ({side})": kind for side, t in ((1, one), (2, other)) for name, kind in t.kinds.items()}
    return Table(_different(names), rows, kinds)


def stacked(tables: Sequence[Table]) -> Table:
    """Return the rows of several tables under the columns of all of them."""
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    _check_size(sum(len(table.rows) for table in tables), len(columns))
    rows: list[Row] = []
    for table in tables:
        if table.columns == columns:
            rows += table.rows
            continue
        places = [table.columns.index(name) if name in table.columns else None for name in columns]
        rows += [[None if place is None else row[place] for place in places] for row in table.rows]
    return Table(columns, rows, {name: kind for table in tables for name, kind in table.kinds.items()})


def text_of(cell: Any) -> str:
    """Return a cell as a person reads it; media by their captions and the names of their files."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dict) and "_type" in cell:
        return f"{cell.get('caption') or ''} {cell.get('path') or ''}"
    if cell is None or isinstance(cell, (int, float)):
        return "" if cell is None else str(cell)
    try:
        return orjson.dumps(cell, default=str).decode()
    except TypeError:  # nested too deeply for any reader
        return ""


def _comparison(place: int, sign: str, value: str) -> Test:
    compare = _COMPARISONS[sign]
    number = _as_number(value)
    if number is None and sign not in ("=", "!="):
        raise UsageError(f"{value!r} is no number: only numbers are compared by {sign}")

    def fits(row: Row) -> bool:
        cell = row[place]
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            return compare(cell, number) if number is not None else sign == "!="
        return compare(text_of(cell).lower(), value.lower()) if sign in ("=", "!=") else False

    return fits


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _rank(cell: Any) -> tuple[int, Any]:
    """Return what cells of mixed types are sorted by: numbers before texts."""
    if isinstance(cell, (int, float)):
        return 0, cell
    return 1, text_of(cell).lower()


def _different(names: list[str]) -> list[str]:
    """Return names, those that occur again with a number behind them."""
    seen: set[str] = set()
    counts: dict[str, int] = {}
    for place, name in enumerate(names):
        while names[place] in seen:
            counts[name] = counts.get(name, 1) + 1
            names[place] = f"{name} #{counts[name]}"
        seen.add(names[place])
    return names


def _kinds(said: Any) -> dict[str, str]:
    """Return what the JSON of an artifact says of its columns; of a column that may be empty what else it is."""
    types = _params(said).get("type_map")
    if not isinstance(types, dict):
        return {}
    return {str(name): kind for name, one in types.items() if (kind := _kind(one)) is not None}


def _kind(said: Any) -> str | None:
    if not isinstance(said, dict):
        return None
    kind = said.get("wb_type")
    if kind == "union":
        members = _params(said).get("allowed_types")
        found = [_kind(one) for one in members] if isinstance(members, list) else []
        known = [one for one in found if one not in (None, "none")]
        return known[0] if len(known) == 1 else None
    return kind if isinstance(kind, str) else None


def _params(said: Any) -> dict[str, Any]:
    """Return the parameters of a type, which may be missing, or be anything."""
    params = said.get("params") if isinstance(said, dict) else None
    return params if isinstance(params, dict) else {}


def _check_size(rows: int, columns: int) -> None:
    """Raise NotATable for more cells than there is memory for: rows may leave out most of theirs."""
    if columns > MOST_COLUMNS:
        raise NotATable(f"the table has {columns:,} columns, more than the {MOST_COLUMNS:,} shown")
    if rows * columns > MOST_CELLS:
        raise NotATable(f"the table has {rows:,} rows of {columns:,} columns, more than the {MOST_CELLS:,} cells shown")
