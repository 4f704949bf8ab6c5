"""The summary of a run: a fold over its history rows and summary records, in the order of the log.

A row sets its keys: plainly to the last value, or, where a metric is defined so, to its minimum, maximum, mean,
first, last or best under a name of its own (`acc` -> `{"max": 0.7}`). A summary record sets what it names. The later
one wins. None in a row sets nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from runstore.core.keys import Key, dotted, flatten, key_of, path_of, unflatten
from runstore.core.metrics import Definition, Definitions

if TYPE_CHECKING:
    from runstore.core.rowblock import RowBlock  # readers make them; a training process folds row by row


class SummaryFold:
    """The summary so far. `apply_plain_row` without definitions and nested values is one dict update."""

    def __init__(self) -> None:
        self.definitions = Definitions()
        self._values: dict[Key, Any] = {}  # leaves; none of them lies below another
        self._inner: dict[Key, None] = {}  # names of dicts, in order: all that a leaf lies below, and some emptied ones
        self._means: dict[tuple[str, ...], tuple[int, float]] = {}  # place of a mean -> count and sum of its rows
        self._replaced: dict[tuple[str, ...], None] = {}  # in order; where nothing counts that earlier logs said

    def apply_plain_row(self, row: Mapping[str, Any]) -> None:
        """Take in a flat row without None; the hot path."""
        if self.takes_plainly(row):
            self._values.update(row)
        else:
            self.apply_row(row)

    def takes_plainly(self, keys: Iterable[str]) -> bool:
        """Whether rows of these keys only replace values, so that of many such rows the last one is enough."""
        definitions = self.definitions
        if definitions.by_name or definitions.by_glob:
            return False
        return not self._inner or self._inner.keys().isdisjoint(keys)

    def apply_row(self, row: Mapping[Any, Any]) -> None:
        """Take in a row of values by Key."""
        for key, value in row.items():
            if value is None:
                continue
            definition = self.definitions.of(dotted(key)) if self.definitions else None
            if definition is None or not (definition.silent or definition.aggregates):
                self._set_leaf(key, value)
            elif not definition.silent and _is_number(value):
                self._aggregate(key, float(value) if isinstance(value, bool) else value, definition)

    def apply_block(self, block: RowBlock) -> None:
        """Take in many records, to what they come to one by one.

        Of a key's values in rows the first makes its place and the last one stays, and so it is with what summary
        records set, unless they are aggregated, or lie inside one another.
        """
        tangled = self._tangled(block)
        rows: list[tuple[int, Key, Any]] = []
        for column in block.columns:
            whole = self._is_aggregated(column.key) or _top(column.key) in tangled
            rows += [(order, column.key, value) for order, value in (column.pairs() if whole else column.ends())]
        rows += [(odd.order, odd.key, odd.value) for odd in block.odd]
        assigned: list[tuple[int, Key, Any]] = []
        for column in block.assigned:
            pairs = column.pairs() if _top(column.key) in tangled else column.ends()
            assigned += [(order, column.key, value) for order, value in pairs]
        assigned += [(odd.order, odd.key, odd.value) for odd in block.assigned_odd]
        for is_assigned, (_, key, value) in _in_order(rows, assigned):
            if is_assigned:
                self.assign(path_of(key), value)
            else:
                self.apply_row({key: value})

    def _tangled(self, block: RowBlock) -> set[str]:
        """Return the names at the top level below which the order of all values matters."""
        depths: dict[str, set[int]] = {}
        parts = (block.columns, block.odd, block.assigned, block.assigned_odd)
        for key in (item.key for part in parts for item in part):
            depths.setdefault(_top(key), set()).add(len(path_of(key)))
        for odd in block.assigned_odd:
            if isinstance(odd.value, Mapping):  # it sets what lies below
                depths[_top(odd.key)] |= {-1, -2}
        for key in (item.key for part in parts[:2] for item in part):
            if self._is_aggregated(key):
                depths[_top(key)].add(len(path_of(key)) + 1)
        return {name for name, some in depths.items() if len(some) > 1}

    def _is_aggregated(self, key: Key) -> bool:
        definition = self.definitions.of(dotted(key)) if self.definitions else None
        return definition is not None and bool(definition.silent or definition.aggregates)

    def assign(self, path: tuple[str, ...], value: Any) -> None:
        """Set the value at `path`, and with it all below."""
        self.remove(path)
        leaves = flatten(value, path) if isinstance(value, Mapping) and value else {key_of(path): value}
        for key, leaf in leaves.items():
            self._set_leaf(key, leaf)

    def remove(self, path: tuple[str, ...]) -> None:
        """Remove the value at `path`, and all below."""
        self._forget(path)
        self._replaced[path] = None

    def get(self, name: str) -> Any:
        """Return the value of a top-level key, nested values as dicts; raises KeyError."""
        if name in self._values:
            return self._values[name]
        below: dict[Key, Any] = {k: v for k, v in self._values.items() if not isinstance(k, str) and k[0] == name}
        return unflatten(below)[name]

    def tree(self) -> dict[str, Any]:
        """Return the summary as nested dicts."""
        return unflatten(self._values)

    def copy(self) -> SummaryFold:
        """Return a fold that goes on from here on its own."""
        fold = SummaryFold()
        fold._values, fold._inner = dict(self._values), dict(self._inner)
        fold._means, fold._replaced = dict(self._means), dict(self._replaced)
        fold.definitions.update(self.definitions)
        return fold

    def state(self) -> dict[str, Any]:
        """Return what `from_state` needs, made of JSON's types (NaN and infinities included)."""
        return {
            "values": [[list(path_of(key)), value] for key, value in self._values.items()],
            "inner": [list(path_of(key)) for key in self._inner],
            "means": [[list(place), *mean] for place, mean in self._means.items()],
            "replaced": [list(path) for path in self._replaced],
            "definitions": [
                [kind, name, list(d.aggregates), d.silent, d.step_metric, d.hidden, d.maximize, d.step_sync]
                for kind, some in (("name", self.definitions.by_name), ("glob", self.definitions.by_glob))
                for name, d in some.items()
            ],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SummaryFold:
        """Return the fold whose `state()` this was."""
        fold = cls()
        fold._values = {key_of(path): value for path, value in state["values"]}
        fold._inner = {key_of(path): None for path in state["inner"]}
        fold._means = {tuple(place): (count, total) for place, count, total in state["means"]}
        fold._replaced = {tuple(path): None for path in state["replaced"]}
        for kind, name, aggregates, *rest in state["definitions"]:
            target = fold.definitions.by_name if kind == "name" else fold.definitions.by_glob
            target[name] = Definition(tuple(aggregates), *rest)
        return fold

    def followed_by(self, later: SummaryFold) -> SummaryFold:
        """Return the summary of a run whose next log folds, by itself, to `later`."""
        both = self.copy()
        for path in later._replaced:
            both.remove(path)
        for key in later._inner:
            if key in both._values:  # plain here, a dict there
                both.remove(path_of(key))
            both._inner[key] = None
        both.definitions.update(later.definitions)
        for place, (count, total) in later._means.items():
            count_here, total_here = self._means.get(place, (0, 0.0))
            both._means[place] = count_here + count, total_here + total
        for key, value in later._values.items():
            both._set_leaf(key, value if isinstance(key, str) else both._joined(key, value, later))
        return both

    def _joined(self, place: tuple[str, ...], value: Any, later: SummaryFold) -> Any:
        """Return one nested value of the next log, combined with what is here if it is an aggregate of rows."""
        aggregate, here = place[-1], self._values.get(place)
        definition = later.definitions.of(".".join(place[:-1]))
        if definition is None or aggregate not in definition.aggregates:
            return value
        if aggregate == "mean":
            by_hand = value != _mean(later._means.get(place))
            return value if by_hand else _mean(self._means[place])
        return _COMBINE[aggregate](here, value, bool(definition.maximize)) if _is_number(here) else value

    def _set_leaf(self, key: Key, value: Any) -> None:
        """Set one leaf; other leaves of the same dict stay, as stock tools leave them."""
        if key in self._inner:
            self._forget(path_of(key))
        if not isinstance(key, str) and key not in self._values:
            self._make_dicts_above(key)
        self._values[key] = value

    def _make_dicts_above(self, path: tuple[str, ...]) -> None:
        for size in range(1, len(path)):
            above = key_of(path[:size])
            self._inner[above] = None
            if above in self._values:  # it had replaced all that an earlier log said below it
                del self._values[above]
                self._replaced[path[:size]] = None

    def _aggregate(self, key: Key, value: float, definition: Definition) -> None:
        for aggregate in definition.aggregates:
            place = (*path_of(key), aggregate)
            here = self._values.get(place)
            if aggregate == "mean":
                # Of all rows, whatever was set by hand in between: stock tools write their own mean before each row.
                count, total = self._means.get(place, (0, 0.0))
                self._means[place] = count + 1, total + value
                self._set_leaf(place, _mean(self._means[place]))
            else:
                combined = _COMBINE[aggregate](here, value, bool(definition.maximize)) if _is_number(here) else value
                self._set_leaf(place, combined)

    def _forget(self, path: tuple[str, ...]) -> None:
        key, size = key_of(path), len(path)
        self._values.pop(key, None)
        if key in self._inner:
            self._inner = {name: None for name in self._inner if path_of(name)[:size] != path}
            for below in [name for name in self._values if not isinstance(name, str) and name[:size] == path]:
                del self._values[below]


def _top(key: Key) -> str:
    return key if isinstance(key, str) else key[0]


def _in_order(
    rows: list[tuple[int, Key, Any]], assigned: list[tuple[int, Key, Any]]
) -> list[tuple[bool, tuple[int, Key, Any]]]:
    """Return values of rows and those set by summary records, each behind whether it was set, as the log has them."""
    both = [(False, value) for value in rows] + [(True, value) for value in assigned]
    return sorted(both, key=lambda one: one[1][0])


def _mean(sums: tuple[int, float] | None) -> float | None:
    return sums[1] / sums[0] if sums else None


def _smaller(a: float, b: float, _: bool = False) -> float:
    return b if math.isnan(a) or b < a else a


def _larger(a: float, b: float, _: bool = False) -> float:
    return b if math.isnan(a) or b > a else a


_COMBINE: dict[str, Callable[[Any, Any, bool], Any]] = {
    "min": _smaller,
    "max": _larger,
    "last": lambda earlier, later, _: later,
    "first": lambda earlier, later, _: earlier,
    "best": lambda a, b, maximize: _larger(a, b) if maximize else _smaller(a, b),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
