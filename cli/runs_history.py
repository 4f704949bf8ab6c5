"""`runstore runs history`: rows, or a chart of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_csv, emit_json, emit_table, short, warn
from runstore.cli.runs_common import (
    complete_keys,
    csv_option,
    json_option,
    open_api,
    open_remote_named,
    remote_option,
    run_argument,
)
from runstore.cli.table import printable, width_of
from runstore.core.medianames import flat
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.cli.plots import Series

# So many metrics have a chart each; more are shown as one line each.
_MOST_CHARTS = 4
_CHART_HEIGHT = 8


@click.command()
@run_argument
@click.option(
    "--keys", metavar="A,B", shell_complete=complete_keys, help="Only these metrics; rows that have all of them."
)
@click.option("--samples", type=click.IntRange(1), help="At most so many rows, evenly spread; all by default.")
@click.option("--plot", is_flag=True, help="Draw charts of the metrics, as wide as the terminal.")
@json_option
@csv_option
@remote_option
def command(
    run: str, keys: str | None, samples: int | None, plot: bool, as_json: bool, as_csv: bool, remote: str | None
) -> None:
    """Print the history of one RUN, a row a step, or draw it.

    Example: runstore runs history k3v9q2xy --keys loss,acc --plot
    """
    wanted = [key.strip() for key in keys.split(",") if key.strip()] if keys else None
    if plot:
        if as_json or as_csv or samples:
            raise UsageError("--plot draws all points for people; leave it out for --json, --csv and --samples")
        _draw(_all_series(run, wanted, remote), run)
        return
    rows = _rows(run, wanted, samples, remote)
    if as_json:
        emit_json(rows)
        return
    if as_csv:
        rows = [flat(row) for row in rows]
    columns = _columns(rows)
    if as_csv:
        emit_csv(rows, columns)
    elif rows:
        emit_table([[_cell(key, row.get(key)) for key in columns] for row in rows], columns)
    else:
        warn(f"run {run} has no rows{' with all of these metrics' if wanted else ''}")


def _rows(run: str, keys: list[str] | None, samples: int | None, remote: str | None) -> list[dict[str, Any]]:
    if remote:
        rows: list[dict[str, Any]] = open_remote_named(remote).history(run, keys or [], samples)
        return rows
    from runstore.query.points.history import sampled

    rows = list(open_api().run(run).scan_history(keys))
    return sampled(rows, samples) if samples else rows


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the keys of all rows: `_step` first, what the program logged next, what runstore added last."""
    keys = {key for row in rows for key in row}
    return sorted(keys, key=lambda key: (key != "_step", key.startswith("_"), key))


def _cell(key: str, value: Any) -> str:
    from runstore.core.times import shown

    if key == "_timestamp" and isinstance(value, (int, float)):
        return shown(value) or short(value)
    if isinstance(value, dict) and "_type" in value:  # media: what of it tells it apart
        return short(f"{value['_type']} {value.get('path', '')}".strip())
    return short(value)


def _all_series(run: str, keys: list[str] | None, remote: str | None) -> list[Series]:
    """Return the points of these metrics, or of all that the program logged."""
    from runstore.cli.plots import Series

    if remote:
        # With keys, only rows that have all of them would come.
        rows = [flat(row) for row in _rows(run, None, None, remote)]
        every = [Series.in_rows(key, rows) for key in keys or _columns(rows)]
    else:
        found = open_api().run(run)
        every = [Series.of(found, key) for key in keys or found.keys]
    return [one for one in every if keys or (len(one.steps) and not one.name.startswith("_"))]


def _draw(series: list[Series], run: str) -> None:
    from runstore.cli.plots import chart, sparkline

    width = shutil.get_terminal_size().columns
    if not any(len(one.steps) for one in series):
        warn(f"run {run} has no numbers{' by these names' if series else ''}")
    elif len(series) <= _MOST_CHARTS:
        click.echo("\n\n".join("\n".join(chart(one, width, _CHART_HEIGHT)) for one in series))
    else:
        margin = max(width_of(printable(one.name)) for one in series)
        room = max(8, width - margin - 24)
        for one in series:
            last = f"{one.values[-1]:.4g}" if len(one.values) else ""
            name = printable(one.name)
            click.echo(f"{name}{' ' * (margin - width_of(name))} {sparkline(one, room)} {last}".rstrip())
