"""`runstore runs`: list runs, show one, print its history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from runstore.cli.output import emit_csv, emit_json, emit_table, short, warn

_COLUMNS_OF_SUMMARY = 4  # a table for people must fit on a terminal; --json has everything


@click.group()
def command() -> None:
    """Look at runs: those below ./wandb and all others that are indexed on this machine, or those on a hub."""


_remote = click.option("--remote", metavar="NAME|URL", help="Ask a hub instead of this machine's index.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line.")


@command.command("list")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_json
@_csv
@_remote
def list_runs(paths: tuple[Path, ...], as_json: bool, as_csv: bool, remote: str | None) -> None:
    """List runs, newest last: those that have a log at or below PATHS, or all that are known.

    The index is brought up to date first. Safe to repeat.

    Example: runstore runs list ./wandb --json
    """
    runs = _remote_runs(remote) if remote else _local_runs(paths)
    if as_json:
        emit_json(runs)
    elif as_csv:
        rows = [{**run, **_flat(run["config"], "config."), **_flat(run["summary"], "summary.")} for run in runs]
        plain = [key for key in (runs[0] if runs else {}) if key not in ("config", "summary")]
        emit_csv(rows, plain + sorted({k for row in rows for k in row if k.startswith(("config.", "summary."))}))
    elif not runs:
        warn("no runs are known; give the folder that holds some: runstore runs list PATH")
    else:
        emit_table([_line(run) for run in runs], ("ID", "NAME", "PROJECT", "STATE", "CREATED", "STEPS", "SUMMARY"))


@command.command("show")
@click.argument("run")
@_json
@_remote
def show_run(run: str, as_json: bool, remote: str | None) -> None:
    """Show one RUN: what it is, its config and its summary. RUN is an id, a name, or entity/project/id.

    Example: runstore runs show demo/k3v9q2xy
    """
    found = _open(remote).run(run) if remote else _api().run(run).as_json()
    if as_json:
        emit_json(found)
        return
    for key, value in found.items():
        if key not in ("config", "summary"):
            click.echo(f"{key + ':':14}{short(value) if not isinstance(value, str) else value}")
    for part in ("config", "summary"):
        click.echo(f"{part}:")
        for key, value in sorted(_flat(found[part]).items()):
            click.echo(f"  {key} = {value if isinstance(value, str) else short(value)}")


@command.command("history")
@click.argument("run")
@click.option("--keys", metavar="A,B", help="Only these metrics, and only rows that have all of them.")
@click.option("--samples", type=click.IntRange(1), help="At most so many rows, evenly spread; all by default.")
@_json
@_csv
@_remote
def run_history(
    run: str, keys: str | None, samples: int | None, as_json: bool, as_csv: bool, remote: str | None
) -> None:
    """Print the history of one RUN, a row a step.

    Example: runstore runs history k3v9q2xy --keys loss,acc --csv
    """
    wanted = [key.strip() for key in keys.split(",") if key.strip()] if keys else None
    rows = _open(remote).history(run, wanted or [], samples) if remote else _local_history(run, wanted, samples)
    if as_json:
        emit_json(rows)
        return
    columns = _columns(rows)
    if as_csv:
        emit_csv(rows, columns)
    elif rows:
        emit_table([[short(row.get(key)) for key in columns] for row in rows], columns)
    else:
        warn(f"run {run} has no rows{' with all of these metrics' if wanted else ''}")


def _api() -> Any:
    from runstore.query.api import Api

    return Api()


def _open(remote: str | None) -> Any:
    from runstore.syncd.remotes.configured import open_remote

    return open_remote(remote or "")


def _remote_runs(remote: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = _open(remote).runs()
    return runs


def _local_runs(paths: Sequence[Path]) -> list[dict[str, Any]]:
    from runstore.query.api import Api

    api = Api(refresh=not paths)
    for path in paths:
        for error in api.catch_up_below(path):
            warn(str(error))
    return [run.as_json() for run in api.runs(below=paths or None)]


def _local_history(run: str, keys: list[str] | None, samples: int | None) -> list[dict[str, Any]]:
    from runstore.query.history import sampled

    rows = list(_api().run(run).scan_history(keys))
    return sampled(rows, samples) if samples else rows


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the keys of all rows: `_step` first, what the program logged next, what runstore added last."""
    keys = {key for row in rows for key in row}
    return sorted(keys, key=lambda key: (key != "_step", key.startswith("_"), key))


def _line(run: dict[str, Any]) -> list[str]:
    numbers = {k: v for k, v in run["summary"].items() if not k.startswith("_") and isinstance(v, (int, float))}
    shown = " ".join(f"{key}={short(value)}" for key, value in list(numbers.items())[:_COLUMNS_OF_SUMMARY])
    created = run["created_at"][:16].replace("T", " ")
    name = run["name"] if run["name"] != run["id"] else ""
    return [run["id"], name, run["project"], run["state"], created, str(run["last_step"] + 1), shown]


def _flat(tree: dict[str, Any], front: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat.update(_flat(value, f"{front}{key}.") if isinstance(value, dict) and value else {front + key: value})
    return flat
