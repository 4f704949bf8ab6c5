"""Conditions on runs, as a tree: what filters of the command line, of `Api` and of the UI have in common.

Fields are named `id`, `name`, `state`, `entity`, `project`, `group`, `job_type`, `tags`, `notes`, `host`, `created_at`,
`heartbeat_at`, `runtime`, `last_step`, `exit_code`, `program`, `git_commit`, `config.KEY` and `summary.KEY`, with dots
in KEY for nested values. A run that lacks a field fulfils no comparison with it but "is not".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = str | int | float | bool | None
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Compare:
    """The field stands in this relation to the value; numbers with numbers, text with text; `tags`: any of them."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True)
class OneOf:
    """The field, or any of the tags, is one of the values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Exists:
    """The run has the field, and it is not None."""

    field: str


@dataclass(frozen=True)
class Matches:
    """A regular expression is found in the field's text; without a field, in any of id, name, notes and tags."""

    field: str | None
    pattern: str


@dataclass(frozen=True)
class Contains:
    """A text is found, whatever the case of its letters, in any of id, name, notes and tags."""

    text: str


@dataclass(frozen=True)
class Every:
    """All parts hold; true without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    """At least one part holds; false without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = Compare | OneOf | Exists | Matches | Contains | Every | Either | Not

EVERYTHING: Condition = Every(())


@dataclass(frozen=True)
class Order:
    """A field to order runs by; of several, the first that a run has. Runs that have none come last, either way."""

    fields: tuple[str, ...]
    descending: bool = False
