"""`runstore offline`, `online`, `disabled`, `enabled`: how runs of programs in this folder are recorded."""

from __future__ import annotations

import click

from runstore.cli.output import emit_json, warn
from runstore.settings import resolve, stock

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_json
def offline(as_json: bool) -> None:
    """Record runs of programs in this folder, and deliver them when you say so.

    This is what happens without any setting. The mode is kept in ./wandb/settings, where W&B's tools read it as well;
    an argument of init() and WANDB_MODE go before it. Safe to repeat.

    Example: runstore offline
    """
    _keep("offline", "runs in this folder are recorded here; deliver them with: runstore sync", as_json)


@click.command()
@_json
def online(as_json: bool) -> None:
    """Record runs of programs in this folder, and have the daemon deliver them as they grow.

    They are written to the local disk all the same. The mode is kept in ./wandb/settings, where W&B's tools read it as
    well; an argument of init() and WANDB_MODE go before it. Safe to repeat.

    Example: runstore online
    """
    _keep("online", "runs in this folder are recorded here and delivered by the daemon: runstore daemon start", as_json)


@click.command()
@_json
def disabled(as_json: bool) -> None:
    """Record nothing of programs in this folder; all that they log is dropped.

    The mode is kept in ./wandb/settings, where W&B's tools read it as well; an argument of init() and WANDB_MODE go
    before it. Runs that are there already stay. Safe to repeat; `runstore enabled` undoes it.

    Example: runstore disabled
    """
    _keep("disabled", "programs in this folder record nothing; undo it with: runstore enabled", as_json)


@click.command()
@_json
def enabled(as_json: bool) -> None:
    """Record runs of programs in this folder again, after `runstore disabled`.

    The mode becomes "online" in ./wandb/settings, as W&B's tools set it: runs are recorded here, and delivered by the
    daemon where one runs. Safe to repeat.

    Example: runstore enabled
    """
    _keep("online", "runs in this folder are recorded here", as_json)


def _keep(mode: str, meaning: str, as_json: bool) -> None:
    file = stock.workspace_file()
    changed = stock.write(file, {"mode": mode})
    in_force = resolve()
    if in_force.mode != mode:
        warn(f"{in_force.sources['mode']} says {in_force.mode} and goes before {file}")
    if as_json:
        emit_json({"mode": mode, "file": str(file), "changed": changed, "mode_in_force": in_force.mode})
    else:
        warn(f"{mode}: {meaning}")
