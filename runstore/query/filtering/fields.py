"""What filters, orders and columns may ask of one run, by the names that conditions use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from runstore.core.json_names import unnamed
from runstore.core.times import moment_of
from runstore.errors import UsageError
from runstore.index.jsontext import from_columns
from runstore.query.filtering.plain import NUMBERS, TEXTS, TIMES

FIELDS = (*TEXTS, *NUMBERS, "state", "tags")
TREES = ("config", "summary")
_COLUMNS = {field: field for field in (*TEXTS, *NUMBERS) if field != "name"}
_COLUMNS |= {"id": "run_id", "group": "run_group", "sweep": "sweep_id"}


class Fields(Protocol):
    """The values of one run. Times are in seconds since the epoch; None is for what the run has not."""

    def value(self, field: str) -> Any:
        """Return the value of one of FIELDS, or of `config.KEY` or `summary.KEY`."""

    def tree(self, part: str) -> Mapping[str, Any]:
        """Return `config` or `summary` whole."""

    @property
    def words(self) -> list[str]:
        """What a text without a field is looked for in: id, name, notes and tags."""


class RowFields:
    """The values of a row of the table `runs`; each part is decoded when it is first asked for."""

    __slots__ = ("_row", "_state", "_trees")

    def __init__(self, row: sqlite3.Row | dict[str, Any], state: Callable[[], str]) -> None:
        self._row = row
        self._state = state
        self._trees: dict[str, dict[str, Any]] | None = None

    def value(self, field: str) -> Any:
        """Return the value of a field."""
        column = _COLUMNS.get(field)
        if column is not None:
            value = self._row[column]
            return None if value == "" else value
        if field == "tags":
            return self._tags
        if field == "state":
            return self._state()
        if field == "name":
            return self._row["name"] or self._row["run_id"]
        part, _, key = field.partition(".")
        return inside(self.tree(part), key)

    def tree(self, part: str) -> Mapping[str, Any]:
        """Return `config` or `summary` whole."""
        trees = self._trees
        if trees is None:
            trees = self._trees = {}
        tree = trees.get(part)
        if tree is None:
            tree = trees[part] = tree_in(self._row[part], self._row[f"{part}_nan"])
        return tree

    @property
    def words(self) -> list[str]:
        """What a text without a field is looked for in."""
        return [self._row["run_id"], self._row["name"], self._row["notes"], *map(str, self._tags)]

    @property
    def _tags(self) -> list[Any]:
        return list(orjson.loads(self._row["tags"]))


class JsonFields:
    """The values of a run as a hub lists it."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        self._run = run

    def value(self, field: str) -> Any:
        """Return the value of a field."""
        part, dot, key = field.partition(".")
        if dot and part in TREES:
            return unnamed(inside(self.tree(part), key))
        value = self._run.get(field)
        if field in TIMES and isinstance(value, str):
            return moment_of(value)
        return None if value == "" else value

    def tree(self, part: str) -> Mapping[str, Any]:
        """Return `config` or `summary` whole."""
        tree: Mapping[str, Any] = self._run.get(part) or {}
        return tree

    @property
    def words(self) -> list[str]:
        """What a text without a field is looked for in."""
        texts = [self._run.get(field) for field in ("id", "name", "notes")]
        return [str(text) for text in [*texts, *self._run.get("tags", ())] if text]


def tree_in(text: str, nan_paths: str | None) -> dict[str, Any]:
    """Return the config or summary that two columns of the table `runs` hold."""
    exact = nan_paths is not None or "9e999" in text  # an infinity, which orjson does not read
    tree: dict[str, Any] = from_columns(text, nan_paths) if exact else orjson.loads(text)
    return tree


def check_field(field: str) -> None:
    """Raise UsageError for a field that runs don't have."""
    if field not in FIELDS and not field.startswith(("config.", "summary.")):
        raise UsageError(f"runs have no field {field!r}; they have {', '.join(FIELDS)}, config.KEY and summary.KEY")


def first_value(fields: Fields, names: Sequence[str]) -> Any:
    """Return the value of the first of these fields that the run has; None where it has none."""
    for name in names:
        value = fields.value(name)
        if value is not None:
            return value
    return None


def inside(tree: Mapping[str, Any], name: str) -> Any:
    """Return the value that `name` gives, with dots between nested keys; None where there is none.

    A key may hold dots itself: the longest one that is there counts.
    """
    if name in tree:
        return tree[name]
    end = name.rfind(".")
    while end > 0:
        below = tree.get(name[:end])
        if isinstance(below, dict):
            found = inside(below, name[end + 1 :])
            if found is not None:
                return found
        end = name.rfind(".", 0, end)
    return None


def flat(tree: Mapping[str, Any], front: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts by dotted name, each with `front` before it."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{front}{key}"
        leaves.update(flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value})
    return leaves
