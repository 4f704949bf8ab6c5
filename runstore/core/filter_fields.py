"""What the keys and values of a filter mean: which field of a run a key names, and of what kind its values are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runstore.core.conditions import Compare, Condition, Either, Every, Exists, Matches, Not, OneOf, Operator, Value
from runstore.core.times import length_of, moment_of

# What may be typed -> the field of conditions.
FIELDS = {
    **{name: name for name in ("id", "name", "state", "entity", "project", "group", "job_type", "notes", "host")},
    **{name: name for name in ("program", "writer", "sweep", "git_commit", "git_remote", "tags")},
    **{name: name for name in ("created_at", "heartbeat_at", "runtime", "last_step", "exit_code")},
    "tag": "tags",
    "created": "created_at",
    "heartbeat": "heartbeat_at",
    "commit": "git_commit",
}
STATES = ("running", "finished", "failed", "crashed", "preempting", "preempted")
TIMES = frozenset(("created_at", "heartbeat_at"))
NUMBERS = frozenset(("runtime", "last_step", "exit_code"))
_NAMES: dict[str, Value] = {"true": True, "false": False, "null": None, "none": None}
_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf")
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class Typed:
    """A value as it was typed; in quotation marks it is text, whatever it looks like."""

    text: str
    quoted: bool = False


def fields_of(key: str) -> tuple[str, ...]:
    """Return the fields that a key names: one, or for a bare metric or config key, `config.KEY` and `summary.KEY`."""
    if key.startswith(("config.", "summary.")):
        return (key,)
    known = FIELDS.get(key.lower())
    return (known,) if known else (f"config.{key}", f"summary.{key}")


def compared(key: str, operator: Operator, typed: Typed, now: float) -> Condition:
    """Return the condition of a comparison; raises ValueError, saying what kind of value the key takes."""
    if operator == "!=":
        return Not(compared(key, "=", typed, now))
    fields = fields_of(key)
    if fields[0] in TIMES:
        return _time_compared(fields[0], operator, typed, now)
    return _any([Compare(field, operator, value_of(field, typed)) for field in fields])


def one_of(key: str, values: list[Typed], now: float) -> Condition:
    """Return the condition that a key has one of the values; raises ValueError as `compared` does."""
    fields = fields_of(key)
    if fields[0] in TIMES:
        return Either(tuple(compared(key, "=", typed, now) for typed in values))
    return _any([OneOf(field, tuple(value_of(field, typed) for typed in values)) for field in fields])


def matching(key: str, pattern: str) -> Condition:
    """Return the condition that a regular expression is found in the value of a key."""
    return _any([Matches(field, pattern) for field in fields_of(key)])


def having(key: str) -> Condition:
    """Return the condition that a run has a value by this key."""
    return _any([Exists(field) for field in fields_of(key)])


def value_of(field: str, typed: Typed) -> Value:
    """Return a typed value as the field has its values; raises ValueError, saying what kind it takes."""
    text = typed.text
    if field in NUMBERS:
        number = length_of(text) if field == "runtime" else None
        number = _number(text) if number is None else number
        if number is None:
            example = "seconds or a time such as 90min" if field == "runtime" else "a whole number"
            raise ValueError(f"{field} takes {example}, not {text!r}")
        return number
    if field == "state" and text not in STATES:
        raise ValueError(f"there is no state {text!r}; there are {', '.join(STATES)}")
    if typed.quoted or field in FIELDS.values():
        return text
    if text.lower() in _NAMES:
        return _NAMES[text.lower()]
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> float | int | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _time_compared(field: str, operator: Operator, typed: Typed, now: float) -> Condition:
    """Return the comparison of a time: a date is the whole day, an age such as 7d the moment that long ago."""
    age = length_of(typed.text)
    if age is not None:
        return Compare(field, ">=" if operator == "=" else operator, now - age)
    moment = moment_of(typed.text)
    if moment is None:
        raise ValueError(f"{field} takes a date such as 2026-01-31 or an age such as 7d, not {typed.text!r}")
    if len(typed.text) > len("2026-01-31"):
        return Compare(field, operator, moment)
    if operator == "=":
        return Every((Compare(field, ">=", moment), Compare(field, "<", moment + _DAY_SECONDS)))
    ends = operator in (">", "<=")
    return Compare(
        field, ">=" if operator == ">" else "<" if operator == "<=" else operator, moment + ends * _DAY_SECONDS
    )


def _any(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Either(tuple(parts))
