"""`runstore runs tag`, `note`, `rename`: change what a stored run is called, in an edit log beside its own log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runstore.cli.output import emit_json, warn
from runstore.cli.runs_common import complete_run, json_option, open_api, run_argument
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun


@click.command()
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--add", multiple=True, metavar="TAG", help="A tag that the runs are to have; may be repeated.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag that they are not to have; may be repeated.")
@json_option
def tag(runs: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Add tags to RUNS, or remove some; without either, show those they have. Safe to repeat.

    The change is written beside the run's log, delivered like it, and survives the loss of the index.

    Example: runstore runs tag k3v9q2xy p0q8z1ab --add baseline --remove draft
    """
    from runstore.query.stored.tags import retagged

    if not all(name.strip() for name in add):
        raise UsageError("a tag has a name; '' is none")
    api = open_api()
    found = [api.run(run) for run in runs]  # all of them, before any is changed
    for run in found:
        tags = retagged(run.tags, add, remove)
        if tags != run.tags:
            run.tags = tags
            run.update()
    _show(found, "tags", as_json)


@click.command()
@run_argument
@click.argument("text")
@json_option
def note(run: str, text: str, as_json: bool) -> None:
    """Set the notes of RUN to TEXT, or to what comes from stdin where TEXT is -. Safe to repeat.

    Example: runstore runs note k3v9q2xy "diverges at step 900, see the second restart"
    """
    found = open_api().run(run)
    found.notes = sys.stdin.read() if text == "-" else text
    found.update()
    _show([found], "notes", as_json)


@click.command()
@run_argument
@click.argument("name")
@json_option
def rename(run: str, name: str, as_json: bool) -> None:
    """Give RUN another NAME. Its id stays as it is. Safe to repeat.

    Example: runstore runs rename k3v9q2xy "vit, long warm-up"
    """
    found = open_api().run(run)
    found.name = name
    found.update()
    _show([found], "name", as_json)


def _show(runs: list[StoredRun], field: str, as_json: bool) -> None:
    if as_json:
        changed = [
            {"id": run.id, "entity": run.entity, "project": run.project, field: getattr(run, field)} for run in runs
        ]
        emit_json(changed)
        return
    for run in runs:
        value = getattr(run, field)
        warn(f"{'/'.join(run.path)}: {field} {', '.join(value) if isinstance(value, list) else value}")
