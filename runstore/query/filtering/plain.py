"""Conditions as SQL, as far as they speak of plain columns of the table `runs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runstore.core.conditions import Compare, Condition, Either, Every, Exists, Not, OneOf, Value
from runstore.core.times import moment_of

# Fields of conditions that are a column -> its SQL, NULL where the run has nothing there.
TEXTS = {
    "id": "run_id",
    "name": "coalesce(nullif(name, ''), run_id)",
    **{name: f"nullif({name}, '')" for name in ("entity", "project", "job_type", "notes", "host", "program", "writer")},
    **{name: f"nullif({name}, '')" for name in ("git_commit", "git_remote")},
    "group": "nullif(run_group, '')",
    "sweep": "nullif(sweep_id, '')",
}
TIMES = {"created_at": "created_at", "heartbeat_at": "heartbeat_at"}
NUMBERS = {**TIMES, "runtime": "runtime", "last_step": "last_step", "exit_code": "exit_code"}
# SQLite takes 1,000 parts in one expression, and old ones 999 values in a query.
MOST_PARTS = 400
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Sql:
    """An expression that is true, false or, for none of these, never NULL; and the values for its question marks."""

    text: str
    arguments: tuple[Any, ...] = ()

    def and_(self, other: Sql) -> Sql:
        """Return the expression that both are true."""
        return _joined(" AND ", [part for part in (self, other) if part != EVERY_RUN])


EVERY_RUN = Sql("1")
_NO_RUN = Sql("0")


def column_of(field: str) -> str | None:
    """Return the SQL of a field that is a plain column, else None."""
    return TEXTS.get(field) or NUMBERS.get(field)


def plain_value(field: str, value: Value) -> Value:
    """Return what `value` means in a comparison with a plain column: times in seconds, empty text for none."""
    if value == "" and field in TEXTS:
        return None
    return moment_of(value) if field in TIMES and isinstance(value, str) else value


def in_sql(condition: Condition) -> Sql | None:
    """Return the condition as SQL, or None where it can't be asked so."""
    if isinstance(condition, (Every, Either)):
        parts = [in_sql(part) for part in condition.parts]
        known = [part for part in parts if part is not None]
        joined = _joined(" AND " if isinstance(condition, Every) else " OR ", known)
        whole = len(known) == len(parts) <= MOST_PARTS and len(joined.arguments) <= MOST_PARTS
        return joined if whole and parts else None
    if isinstance(condition, Not):
        part = in_sql(condition.part)
        return None if part is None else Sql(f"NOT ({part.text})", part.arguments)
    if isinstance(condition, OneOf):
        return in_sql(Either(tuple(Compare(condition.field, "=", value) for value in condition.values)))
    if isinstance(condition, Exists):
        column = column_of(condition.field)
        return None if column is None else Sql(f"{column} IS NOT NULL")
    return _compared(condition) if isinstance(condition, Compare) else None


def _compared(condition: Compare) -> Sql | None:
    column, operator = column_of(condition.field), condition.operator
    if column is None:
        return None
    value = plain_value(condition.field, condition.value)
    if value is None and condition.value in (None, ""):
        return {"=": Sql(f"{column} IS NULL"), "!=": Sql(f"{column} IS NOT NULL")}.get(operator, _NO_RUN)
    fits = isinstance(value, str if condition.field in TEXTS else (int, float)) and not isinstance(value, bool)
    if not fits:
        return EVERY_RUN if operator == "!=" else _NO_RUN
    if isinstance(value, int) and abs(value) > _LARGEST:  # more than SQLite takes
        value = float(value)
    return Sql(f"coalesce({column} {operator} ?, {int(operator == '!=')})", (value,))


def _joined(by: str, parts: list[Sql]) -> Sql:
    if len(parts) < 2:
        return parts[0] if parts else EVERY_RUN
    arguments = tuple(argument for part in parts for argument in part.arguments)
    return Sql(by.join(f"({part.text})" for part in parts), arguments)
