"""Filters on runs as W&B's public API takes them, in the manner of MongoDB, as conditions.

    {"config.lr": {"$lt": 1e-3}, "$or": [{"state": "finished"}, {"tags": {"$in": ["baseline", "best"]}}]}

Keys are fields, by W&B's names or ours, or $and, $or, $nor; values are what the field is equal to, or operators.
`config.lr.value` is the same as `config.lr`, since W&B keeps each config value in a dict of this key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runstore.core.conditions import Compare, Condition, Either, Every, Exists, Matches, Not, OneOf, Operator, Value
from runstore.core.filter_fields import TIMES
from runstore.core.times import moment_of
from runstore.errors import UsageError

# W&B's names of what its servers know of a run, in both of the spellings that they take -> ours. It calls a run's id
# its name, and its name displayName.
_FIELDS = {
    "name": "id",
    "display_name": "name",
    "displayname": "name",
    "createdat": "created_at",
    "created": "created_at",
    "inserted_at": "created_at",
    "heartbeatat": "heartbeat_at",
    "heartbeat": "heartbeat_at",
    "updated_at": "heartbeat_at",
    "jobtype": "job_type",
    "username": "entity",
    "user": "entity",
    "sweep_name": "sweep",
    "sweepname": "sweep",
    "description": "notes",
    "commit": "git_commit",
    "duration": "runtime",
    "tag": "tags",
}
_TREES = {"config": "config", "summary_metrics": "summary", "summarymetrics": "summary", "summary": "summary"}
_COMPARE: dict[str, Operator] = {"$eq": "=", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def condition_of(filters: Mapping[str, Any] | None) -> Condition:
    """Return the condition that these filters are; None and {} hold for every run.

    Raises UsageError, naming what it does not know and what there is.
    """
    if not filters:
        return Every(())
    if not isinstance(filters, Mapping):
        raise UsageError(f"filters are a dict of fields and operators, not {filters!r:.80}")
    return _every([_part(str(key), value) for key, value in filters.items()])


def field_of(name: str) -> str:
    """Return our name of a field that W&B's API would call `name`."""
    tree, dot, key = name.partition(".")
    below = _TREES.get(tree.lower())
    if dot and below is not None:
        key = key.removesuffix(".value") if below == "config" else key
        return f"{below}.{key}"
    return _FIELDS.get(name.lower(), name)


def order_of(order: str) -> tuple[str, bool]:
    """Return the field of an order such as `-summary_metrics.loss`, and whether it is a descending one.

    `name` is the name that people see here: W&B's servers order by no other.
    """
    field = order.lstrip("+-")
    return field if field == "name" else field_of(field), order.startswith("-")


def _part(key: str, value: Any) -> Condition:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise UsageError(f"{key} takes a list of filters, not {value!r:.80}")
        parts = tuple(condition_of(one) for one in value)
        return Every(parts) if key == "$and" else Either(parts) if key == "$or" else Not(Either(parts))
    if key == "$not":
        return Not(condition_of(value))
    if key.startswith("$"):
        raise UsageError(f"there is no operator {key!r} of filters; there are $and, $or, $nor and $not")
    return _of_field(field_of(key), value)


def _of_field(field: str, value: Any) -> Condition:
    """Return the condition that a field is `value`, or fulfils the operators in it."""
    if not isinstance(value, Mapping):
        return _equal(field, value)
    if not any(str(key).startswith("$") for key in value):  # a dict of config: each of its values is asked for
        return _every([_of_field(f"{field}.{key}", below) for key, below in value.items()])
    options = str(value.get("$options", ""))
    return _every([_operator(field, str(key), operand, options) for key, operand in value.items() if key != "$options"])


def _operator(field: str, operator: str, operand: Any, options: str) -> Condition:
    if operator == "$regex":
        return Matches(field, f"(?{options})" + str(operand) if options else str(operand))
    if operator in ("$eq", "$ne"):
        equal = _equal(field, operand)
        return equal if operator == "$eq" else Not(equal)
    if operator in _COMPARE:
        return Compare(field, _COMPARE[operator], _plain(field, operand))
    known = _OPERATORS.get(operator)
    if known is None:
        names = ", ".join([*_COMPARE, *_OPERATORS, "$regex"])
        raise UsageError(f"there is no operator {operator!r} of field {field!r}; there are {names}")
    return known(field, operand)


def _equal(field: str, value: Any) -> Condition:
    if isinstance(value, (list, tuple)):  # of a list: all of its elements are there
        return _every([Compare(field, "=", _plain(field, one)) for one in value])
    return Compare(field, "=", _plain(field, value))


def _one_of(field: str, values: Any) -> Condition:
    if not isinstance(values, (list, tuple, set, frozenset)):
        raise UsageError(f"$in and $nin of {field!r} take a list, not {values!r:.80}")
    return OneOf(field, tuple(_plain(field, value) for value in values))


def _every(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _plain(field: str, value: Any) -> Value:
    if field in TIMES and isinstance(value, str) and moment_of(value) is None:
        raise UsageError(f"{field!r} takes a date or time in ISO 8601, such as 2026-01-31T12:30Z, not {value!r:.80}")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise UsageError(f"{field!r} can be compared with text, a number, a truth value or None, not with {value!r:.80}")


_OPERATORS: dict[str, Callable[[str, Any], Condition]] = {
    "$in": _one_of,
    "$nin": lambda field, values: Not(_one_of(field, values)),
    "$exists": lambda field, wanted: Exists(field) if wanted else Not(Exists(field)),
    "$not": lambda field, operand: Not(_of_field(field, operand)),
}
