"""One page of a table of runs as a browser shows it: by columns, with no more digits and letters than are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runstore.core.conditions import Compare, Condition, Every, Order
from runstore.core.filter_fields import fields_of
from runstore.core.filters import parse_filter
from runstore.query.api import Api
from runstore.query.filtering.fields import TREES
from runstore.query.listing import Column
from runstore.query.stored.runs import Runs

# A cell has room for no more; the page of the run shows all.
_DIGITS = 4
_MOST_LETTERS = 120
_NEWEST_FIRST = Order(("created_at",), descending=True)
_LARGEST_EXACT = 1 << 53  # of a browser's numbers


@dataclass(frozen=True)
class TableRequest:
    """Which runs of a project are asked for, in which order."""

    entity: str
    project: str
    filter: str = ""
    sort: Sequence[str] = ()

    @property
    def condition(self) -> Condition:
        """What the runs fulfil. Raises WrongFilter."""
        wanted = parse_filter(self.filter)
        return Every(
            (*of_project(self.entity, self.project), *(wanted.parts if isinstance(wanted, Every) else (wanted,)))
        )

    @property
    def order(self) -> list[Order]:
        """Their order: the newest first where none is given."""
        by = [Order(fields_of(name.lstrip("+-")), name.startswith("-")) for name in self.sort if name.lstrip("+-")]
        return by or [_NEWEST_FIRST]


def of_project(entity: str, project: str) -> tuple[Compare, Compare]:
    """Return the conditions that a run belongs to a project."""
    return Compare("entity", "=", entity), Compare("project", "=", project)


def found_runs(api: Api, asked: TableRequest) -> Runs:
    """Return the runs that are asked for. Raises WrongFilter, and UsageError for an unknown field."""
    return Runs(api.connection, asked.condition, asked.order, per_page=500)


def count_runs(connection: sqlite3.Connection, entity: str, project: str) -> int:
    """Return how many runs a project has."""
    query = "SELECT count(*) FROM runs WHERE entity = ? AND project = ?"
    return int(connection.execute(query, (entity, project)).fetchone()[0])


def columns_named(names: Sequence[str]) -> list[Column]:
    """Return the columns of these names; config and summary whole are none."""
    return [Column(name, fields_of(name)) for name in names if name and name not in TREES]


def cells(runs: Sequence[Any], columns: Sequence[Column]) -> list[list[Any]]:
    """Return the cells of these runs, a list for each column."""
    return [
        [_moment(column.value(run)) if column.is_time else cell(column.value(run)) for run in runs]
        for column in columns
    ]


def cell(value: Any) -> Any:
    """Return what a cell shows of a value: numbers with four digits, texts cut, what is nested as JSON."""
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, str):
        return value if len(value) <= _MOST_LETTERS else value[:_MOST_LETTERS] + "…"
    if isinstance(value, int) and abs(value) > _LARGEST_EXACT:
        return float(value)
    if isinstance(value, (dict, list, tuple)):
        return cell(_short_json(value))
    return value


def rounded(value: float) -> float | int:
    """Return a float with few digits, but for one that is whole: that becomes an int."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    short = value if value.is_integer() else float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < _LARGEST_EXACT else short


def _moment(seconds: float | None) -> int | None:
    return None if seconds is None or seconds != seconds else round(seconds)


def _short_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
