"""`runstore runs compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_json, emit_table, short, warn
from runstore.cli.runs_common import complete_run, json_option, open_api
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.query.compare import Difference


@click.command()
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--all", "all_values", is_flag=True, help="Show also what all of them agree in.")
@click.option("--patch", is_flag=True, help="Show how the uncommitted changes of the second differ from the first's.")
@json_option
def command(runs: tuple[str, ...], all_values: bool, patch: bool, as_json: bool) -> None:
    """Show in what two RUNS or more differ: config, summary, packages, git commit and uncommitted changes.

    Example: runstore runs compare k3v9q2xy p0q8z1ab
    """
    from runstore.query.compare import compare, patch_difference

    if len(runs) < 2:
        raise UsageError("one run has nothing to differ from; give two or more: runstore runs compare A B")
    api = open_api()
    found = [api.run(run) for run in runs]
    if patch:
        lines = patch_difference(found)
        if as_json:
            emit_json(lines)
        elif lines:
            click.echo("\n".join(lines))
        else:
            warn("their uncommitted changes are the same")
        return
    rows = compare(found, all_values=all_values)
    if as_json:
        emit_json({"runs": ["/".join(run.path) for run in found], "differences": [_json(row) for row in rows]})
    elif rows:
        emit_table([_line(row) for row in rows], ("", "", *(run.id for run in found)))
    else:
        warn("they differ in nothing")


def _json(row: Difference) -> dict[str, Any]:
    return {"section": row.section, "key": row.key, "values": row.values, "differs": row.is_one}


def _line(row: Difference) -> list[str]:
    return [row.section, row.key, *("-" if value is None else short(value) for value in row.values)]
