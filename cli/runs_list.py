"""`runstore runs list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_csv, emit_json, emit_table, not_collecting_garbage, short, warn
from runstore.cli.runs_common import (
    complete_columns,
    complete_filter,
    csv_option,
    json_option,
    open_api,
    open_remote_named,
    remote_option,
)
from runstore.core.times import shown

if TYPE_CHECKING:
    from runstore.query.api import Api
    from runstore.query.filtering.brief import BriefRun
    from runstore.query.listing import Column, Listed

_NUMBERS = frozenset((int, float, bool))
_DAY_SECONDS = 86_400
_FAR_SECONDS = 2.0**36  # in the year 4147; the calendar ends later
_CLOCK = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]
_SUMMARY_VALUES = 4  # a table for people must fit on a terminal; --json has everything


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--filter", "text", metavar="FILTER", default="", shell_complete=complete_filter, help="Only runs that fulfil it."
)
@click.option(
    "--sort", metavar="-A,B", shell_complete=complete_columns, help="Order by fields; descending with - before one."
)
@click.option(
    "--columns", metavar="A,B", shell_complete=complete_columns, help="Fields, config and summary keys to show."
)
@click.option("--limit", type=click.IntRange(0), help="At most so many: the newest, or with --sort the first.")
@json_option
@csv_option
@remote_option
def command(
    paths: tuple[Path, ...],
    text: str,
    sort: str | None,
    columns: str | None,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
    remote: str | None,
) -> None:
    """List runs, newest last: those that have a log at or below PATHS, or all that are known.

    The index is brought up to date first. Filters are described in docs/filters.md; a key without `config.` or
    `summary.` before it means either. Safe to repeat.

    Example: runstore runs list --filter 'lr<1e-3 tag:baseline state:running' --sort -summary.loss --columns id,lr
    """
    from runstore.query.listing import Request, brief

    request = Request.of(text, sort or "", limit)
    in_brief = not (columns or as_json or as_csv)
    if remote:
        found = request.of_hub(open_remote_named(remote).runs())
        if in_brief:
            _emit_table(brief(found), bool(text))
        else:
            _emit(found, columns, as_json, as_csv)
        return
    api = _caught_up(paths)
    with not_collecting_garbage():
        if in_brief:
            _emit_table(request.of_index_in_brief(api, paths or None), bool(text))
        else:
            _emit(request.of_index(api, paths or None), columns, as_json, as_csv)


def _caught_up(paths: Sequence[Path]) -> Api:
    api = open_api(refresh=not paths)
    for path in paths:
        for error in api.catch_up_below(path):
            warn(str(error))
    return api


def _emit_table(found: Sequence[BriefRun], filtered: bool) -> None:
    if not found:
        why = "no run fulfils this filter" if filtered else "no runs are known"
        warn(f"{why}; give the folder that holds some: runstore runs list PATH")
    else:
        emit_table([_line(*run) for run in found], ("ID", "NAME", "PROJECT", "STATE", "CREATED", "STEPS", "SUMMARY"))


def _emit(found: Sequence[Listed], columns: str | None, as_json: bool, as_csv: bool) -> None:
    from runstore.query.listing import parse_columns

    if columns:
        _emit_columns(found, parse_columns(columns), as_json, as_csv)
    elif as_json:
        emit_json([run.as_json() for run in found])
    else:
        emit_csv(*_wide([run.as_json() for run in found]))


def _emit_columns(runs: Sequence[Listed], columns: list[Column], as_json: bool, as_csv: bool) -> None:
    from runstore.query.listing import column_rows

    if as_json:
        emit_json(column_rows(runs, columns))
    elif as_csv:
        emit_csv(column_rows(runs, columns), [column.name for column in columns])
    else:
        rows = [[_cell(column, run) for column in columns] for run in runs]
        emit_table(rows, [column.name.upper() for column in columns])


def _cell(column: Column, run: Listed) -> str:
    value = column.value(run)
    if column.is_time and value is not None:
        return _minute(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else short(value)


def _wide(runs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return rows for CSV and their columns: config and summary as a column a value, after all others."""
    from runstore.query.filtering.fields import flat

    rows = [{**run, **flat(run["config"], "config."), **flat(run["summary"], "summary.")} for run in runs]
    plain = [key for key in (runs[0] if runs else {}) if key not in ("config", "summary")]
    return rows, plain + sorted({key for row in rows for key in row if key.startswith(("config.", "summary."))})


def _line(
    run_id: str, name: str, project: str, state: str, created_at: float, last_step: int, summary: Mapping[str, Any]
) -> tuple[str, ...]:
    name = "" if name == run_id else short(name)
    return run_id, name, project, state, _minute(created_at), str(last_step + 1), _best(summary)


def _best(summary: Mapping[str, Any]) -> str:
    """Return the first numbers of a summary. A plain loop: 10,000 runs have many."""
    best: list[str] = []
    for key, number in summary.items():
        kind = type(number)
        if kind in _NUMBERS and key[:1] != "_":
            best.append("%s=%.4g" % (key, number) if kind is float else f"{key}={short(number)}")  # noqa: UP031
            if len(best) == _SUMMARY_VALUES:
                break
    return " ".join(best)


def _minute(seconds: float) -> str:
    """Return a moment to the minute. Runs share their days: looking one up takes less than the calendar does."""
    if not 0 <= seconds < _FAR_SECONDS:
        return shown(seconds)[:16]
    day, second = divmod(int(seconds), _DAY_SECONDS)
    return f"{_day(day)} {_CLOCK[second // 60]}"


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return shown(number * _DAY_SECONDS)[:10]
