"""`runstore runs delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runstore.cli.output import emit_json, size, warn
from runstore.cli.runs_common import complete_run, json_option, open_api
from runstore.cli.table import printable
from runstore.errors import RemovalRefused, UsageError

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun
    from runstore.syncd.removal import RunDirectory


@click.command()
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--force", is_flag=True, help="Delete also what no target was proven to hold: it is lost then.")
@json_option
def command(runs: tuple[str, ...], yes: bool, force: bool, as_json: bool) -> None:
    """Delete the run directories of RUNS from this machine, after asking. What was delivered stays where it is.

    A run goes only if a receipt proves that one target holds all of it, and never while a process writes it. Nothing is
    deleted unless all RUNS can be.

    Example: runstore runs delete k3v9q2xy
    """
    from runstore.syncd.removal import check_delivered, remove

    api = open_api()
    found = [api.run(run) for run in dict.fromkeys(runs)]
    directories = [directory for run in found for directory in _directories(run)]
    if not force:
        check_delivered(directories)
    if not yes:
        _ask(directories)
    logs = [log for run in found for log in run.logs]
    freed = remove(directories)
    api.forget(logs)
    if as_json:
        gone = [str(directory.path) for directory in directories]
        emit_json({"runs": ["/".join(run.path) for run in found], "directories": gone, "bytes": freed})
    else:
        warn(f"deleted {', '.join('/'.join(run.path) for run in found)} ({size(freed)})")


def _directories(run: StoredRun) -> list[RunDirectory]:
    from runstore.syncd.removal import run_directories

    if run.state in ("running", "preempting"):
        raise RemovalRefused(f"run {run.id} is {run.state}; nothing was deleted. End it first")
    return run_directories(run.logs, run.id)


def _ask(directories: list[RunDirectory]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on; to delete without being asked, give --yes")
    for directory in directories:
        click.echo(printable(f"{directory.path}  {size(directory.size)}"), err=True)
    if not click.confirm("Delete this for good?", err=True):
        raise RemovalRefused("nothing was deleted")
