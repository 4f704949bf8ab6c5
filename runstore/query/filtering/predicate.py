"""Conditions as Python functions of a run, for what SQLite can't be asked: config, summary, tags, state, text."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from runstore.core.conditions import (
    Compare,
    Condition,
    Contains,
    Either,
    Every,
    Exists,
    Matches,
    Not,
    OneOf,
    Operator,
    Value,
)
from runstore.core.expressions import expression
from runstore.errors import UsageError
from runstore.query.filtering.fields import Fields, check_field
from runstore.query.filtering.plain import plain_value

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Predicate = Callable[[Fields], bool]


def predicate(condition: Condition) -> Predicate:
    """Return the function that says whether a run fulfils `condition`. Raises UsageError for an unknown field."""
    if isinstance(condition, (Every, Either)):
        parts = [predicate(part) for part in condition.parts]
        joined = all if isinstance(condition, Every) else any
        return lambda fields: joined(part(fields) for part in parts)
    if isinstance(condition, Not):
        part = predicate(condition.part)
        return lambda fields: not part(fields)
    if isinstance(condition, Contains):
        wanted = condition.text.casefold()
        return lambda fields: any(wanted in word.casefold() for word in fields.words)
    if isinstance(condition, Matches):
        return _matching(condition.field, compiled(condition.pattern))
    field = condition.field
    check_field(field)
    if isinstance(condition, Exists):
        nothing: tuple[Any, ...] = (None, []) if field == "tags" else (None,)
        return lambda fields: fields.value(field) not in nothing
    if isinstance(condition, OneOf):
        return predicate(Either(tuple(Compare(field, "=", value) for value in condition.values)))
    relation, want = condition.operator, plain_value(field, condition.value)
    return lambda fields: fulfils(fields.value(field), relation, want)


def fulfils(have: Any, relation: Operator, want: Value) -> bool:
    """Return whether the value stands in this relation to another: of a list, any of its elements."""
    if relation == "!=":
        return not fulfils(have, "=", want)
    if want is None:
        return relation == "=" and have is None
    if isinstance(have, list):
        return any(fulfils(one, relation, want) for one in have)
    return _kind(have) == _kind(want) is not None and _COMPARE[relation](have, want)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return the regular expression; raises UsageError, saying what is wrong with it."""
    try:
        return expression(pattern)
    except re.error as error:
        raise UsageError(f"/{pattern}/ is no regular expression: {error}") from error


def _kind(value: Any) -> str | None:
    """Return as what a value is compared; None for what never is."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else None


def _matching(field: str | None, expression: re.Pattern[str]) -> Predicate:
    if field is None:
        return lambda fields: any(map(expression.search, fields.words))
    check_field(field)
    return lambda fields: any(map(expression.search, _texts(fields.value(field))))


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [] if value is None else [value if isinstance(value, str) else str(value)]
