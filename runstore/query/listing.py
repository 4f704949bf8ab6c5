"""A list of runs as people ask for one: filtered, ordered, cut to a number, shown by columns; local or of a hub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runstore.core.conditions import Condition, Order
from runstore.core.filter_fields import TIMES, fields_of
from runstore.core.filters import parse_filter, parse_order
from runstore.core.times import iso
from runstore.query.filtering.brief import BriefRun
from runstore.query.filtering.fields import TREES, Fields, JsonFields, check_field, first_value
from runstore.query.filtering.predicate import predicate
from runstore.query.filtering.select import ordered

if TYPE_CHECKING:
    from runstore.query.api import Api

_AS_BEGUN = Order(("created_at",))
_NEWEST_FIRST = Order(("created_at",), descending=True)


class Listed(Protocol):
    """A run in a list: a StoredRun, or one that a hub told of."""

    @property
    def fields(self) -> Fields:
        """Its values."""

    def as_json(self) -> dict[str, Any]:
        """Return all of it as docs/cli.md describes it."""


class HubRun:
    """A run that a hub told of."""

    def __init__(self, run: dict[str, Any]) -> None:
        self._run = run
        self.fields: Fields = JsonFields(run)

    def as_json(self) -> dict[str, Any]:
        """Return all that the hub told."""
        return self._run


@dataclass(frozen=True)
class Request:
    """Which runs are asked for, and in which order. Without one they come as they were begun, and the newest count."""

    condition: Condition
    order: Sequence[Order]
    limit: int | None = None

    @classmethod
    def of(cls, text: str, sort: str = "", limit: int | None = None) -> Request:
        """Return what a filter and an order mean; raises WrongFilter."""
        return cls(parse_filter(text), parse_order(sort), limit)

    def of_index(self, api: Api, below: Sequence[Path] | None = None) -> Sequence[Listed]:
        """Return these runs of the index."""
        if self._is_for_the_newest:
            return api.select(self.condition, [_NEWEST_FIRST], self.limit, below=below)[::-1]
        return api.select(self.condition, self.order, self.limit, below=below)

    def of_index_in_brief(self, api: Api, below: Sequence[Path] | None = None) -> Sequence[BriefRun]:
        """Return what a table shows of these runs of the index."""
        if self._is_for_the_newest:
            return api.brief(self.condition, [_NEWEST_FIRST], self.limit, below=below)[::-1]
        return api.brief(self.condition, self.order, self.limit, below=below)

    @property
    def _is_for_the_newest(self) -> bool:
        return self.limit is not None and not self.order

    def of_hub(self, runs: Iterable[dict[str, Any]]) -> Sequence[Listed]:
        """Return those of a hub's runs."""
        for one in self.order:
            for field in one.fields:
                check_field(field)
        holds = predicate(self.condition)
        every = [HubRun(run) for run in runs]
        pairs = ordered([(run.fields, run) for run in every if holds(run.fields)], self.order or [_AS_BEGUN])
        found = [run for _, run in pairs]
        if self.limit is None:
            return found
        return found[: self.limit] if self.order else found[max(0, len(found) - self.limit) :]


def brief(runs: Iterable[Listed]) -> list[BriefRun]:
    """Return what a table shows of these runs."""
    return [BriefRun.of(run.fields) for run in runs]


@dataclass(frozen=True)
class Column:
    """A column of a table of runs: its name as it was typed, and its fields; the first that a run has counts."""

    name: str
    fields: tuple[str, ...]

    @property
    def is_time(self) -> bool:
        """Whether its values are times."""
        return self.fields[0] in TIMES

    def value(self, run: Listed) -> Any:
        """Return what a run has there; None for nothing. Times are in seconds since the epoch."""
        if self.name in TREES:
            return {key: value for key, value in run.fields.tree(self.name).items() if key != "_wandb"}
        return first_value(run.fields, self.fields)

    def json_value(self, run: Listed) -> Any:
        """Return what a run has there; times in ISO 8601."""
        value = self.value(run)
        return iso(value) if self.is_time and value is not None else value


def parse_columns(text: str) -> list[Column]:
    """Return the columns that `id,lr,summary.loss` names, config and summary whole among them."""
    names = [name.strip() for name in text.split(",")]
    return [Column(name, fields_of(name)) for name in names if name]


def column_rows(runs: Sequence[Listed], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return a dict by column for each run, of JSON's types."""
    return [{column.name: column.json_value(run) for column in columns} for run in runs]
