"""The summary of a run: a fold over its history rows and summary records, in the order of the log.

A row sets its keys: plainly to the last value, or, where a metric is defined so, to its minimum, maximum, mean,
first, last or best under a name of its own (`acc` -> `{"max": 0.7}`). A summary record sets what it names. The later
one wins. None in a row sets nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from runstore.core.keys import Key, flatten, key_of, path_of, unflatten
from runstore.core.metrics import Definition, Definitions


class SummaryFold:
    """The summary so far. `apply_row` with plain numbers and no definitions is one dict update."""

    def __init__(self) -> None:
        self.definitions = Definitions()
        self._values: dict[Key, Any] = {}
        self._nested: set[str] = set()  # top-level keys that hold dicts
        self._means: dict[str, tuple[int, float]] = {}  # metric -> count, sum
        self._removed: dict[tuple[str, ...], None] = {}  # in order; what a continued fold must forget as well

    def apply_plain_row(self, row: Mapping[str, Any]) -> None:
        """Take in a flat row without None; the hot path."""
        if self.definitions or not self._nested.isdisjoint(row):
            self.apply_row(row)
        else:
            self._values.update(row)

    def apply_row(self, row: Mapping[Any, Any]) -> None:
        """Take in a row of values by Key."""
        for key, value in row.items():
            if value is None:
                continue
            definition = (
                self.definitions.of(key if isinstance(key, str) else ".".join(key)) if self.definitions else None
            )
            if definition is None or not (definition.silent or definition.aggregates):
                self._set_leaf(key, value)
            elif not definition.silent and _is_number(value):
                self._aggregate(key, float(value) if isinstance(value, bool) else value, definition)

    def assign(self, path: tuple[str, ...], value: Any) -> None:
        """Set the value at `path`, and with it all below."""
        self._forget(path)
        if isinstance(value, Mapping) and value:
            for key, leaf in flatten(value, path).items():
                self._values[key] = leaf
            self._nested.add(path[0])
        else:
            key = key_of(path)
            self._values[key] = value
            if not isinstance(key, str):
                self._nested.add(path[0])

    def remove(self, path: tuple[str, ...]) -> None:
        """Remove the value at `path`, and all below."""
        self._forget(path)
        self._removed[path] = None

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
        return SummaryFold.from_state(self.state())

    def state(self) -> dict[str, Any]:
        """Return what `from_state` needs, made of JSON's types (NaN and infinities included)."""
        return {
            "values": [[list(path_of(key)), value] for key, value in self._values.items()],
            "means": {name: list(mean) for name, mean in self._means.items()},
            "removed": [list(path) for path in self._removed],
            "definitions": [
                [kind, name, list(d.aggregates), d.silent, d.step_metric, d.hidden, d.minimize]
                for kind, some in (("name", self.definitions.by_name), ("glob", self.definitions.by_glob))
                for name, d in some.items()
            ],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SummaryFold:
        """Return the fold whose `state()` this was."""
        fold = cls()
        for path, value in state["values"]:
            fold._values[key_of(path)] = value
            if len(path) > 1:
                fold._nested.add(path[0])
        fold._means = {name: (n, total) for name, (n, total) in state["means"].items()}
        fold._removed = {tuple(path): None for path in state["removed"]}
        for kind, name, aggregates, *rest in state["definitions"]:
            target = fold.definitions.by_name if kind == "name" else fold.definitions.by_glob
            target[name] = Definition(tuple(aggregates), *rest)
        return fold

    def followed_by(self, later: SummaryFold) -> SummaryFold:
        """Return the summary of a run whose next log folds, by itself, to `later`."""
        both = self.copy()
        for path in later._removed:
            both.remove(path)
        both.definitions.by_name.update(later.definitions.by_name)
        both.definitions.by_glob.update(later.definitions.by_glob)
        # A key that is a dict in one log and a plain value in the other is the later log's altogether.
        for name in later._nested:
            both._values.pop(name, None)
        for key, value in later._values.items():
            both._join(key, value, later)
        return both

    def _join(self, key: Key, value: Any, later: SummaryFold) -> None:
        """Combine one value of the next log with what is here."""
        if isinstance(key, str):
            if key in self._nested:
                self._forget((key,))
            self._values[key] = value
            return
        metric, aggregate = ".".join(key[:-1]), key[-1]
        definition = later.definitions.of(metric)
        here = self._values.get(key)
        self._nested.add(key[0])
        if definition is None or aggregate not in definition.aggregates or not _is_number(here):
            self._values[key] = value
        elif aggregate == "mean":
            count, total = (
                sum(pair) for pair in zip(self._means.get(metric, (0, 0.0)), later._means[metric], strict=True)
            )
            self._means[metric] = (int(count), total)
            self._values[key] = total / count
        else:
            self._values[key] = _COMBINE[aggregate](here, value, definition.minimize)

    def _set_leaf(self, key: Key, value: Any) -> None:
        """Set one leaf of a row; other leaves of the same dict stay, as stock tools leave them."""
        if isinstance(key, str):
            if key in self._nested:
                self._forget((key,))
            self._values[key] = value
            return
        self._values.pop(key[0], None)
        self._nested.add(key[0])
        self._values[key] = value

    def _aggregate(self, key: Key, value: float, definition: Definition) -> None:
        path = path_of(key)
        self._values.pop(key, None)
        self._nested.add(path[0])
        for aggregate in definition.aggregates:
            place = (*path, aggregate)
            if aggregate == "mean":
                count, total = self._means.get(".".join(path), (0, 0.0))
                count, total = count + 1, total + value
                self._means[".".join(path)] = (count, total)
                self._values[place] = total / count
            elif place in self._values:
                self._values[place] = _COMBINE[aggregate](self._values[place], value, definition.minimize)
            else:
                self._values[place] = value

    def _forget(self, path: tuple[str, ...]) -> None:
        self._values.pop(key_of(path), None)
        if path[0] in self._nested:
            size = len(path)
            for key in [k for k in self._values if not isinstance(k, str) and k[:size] == path]:
                del self._values[key]
            if size == 1:
                self._nested.discard(path[0])


def _smaller(a: float, b: float, _: bool = True) -> float:
    return b if math.isnan(a) or b < a else a


def _larger(a: float, b: float, _: bool = True) -> float:
    return b if math.isnan(a) or b > a else a


_COMBINE: dict[str, Callable[[Any, Any, bool], Any]] = {
    "min": _smaller,
    "max": _larger,
    "last": lambda earlier, later, _: later,
    "first": lambda earlier, later, _: earlier,
    "best": lambda a, b, minimize: _smaller(a, b) if minimize else _larger(a, b),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
