"""The command `wandb` of programs that `runstore run` started: what there is of W&B's commands, done by runstore."""

from __future__ import annotations

import click

from runstore.cli import main as command_line
from runstore.cli.lazy import LazyGroup
from runstore.version import VERSION

COMMANDS = {
    "login": "login",
    "offline": "modes:offline",
    "online": "modes:online",
    "disabled": "modes:disabled",
    "enabled": "modes:enabled",
    "sync": "sync",
    "status": "settings",
}


@click.group(cls=LazyGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message=f"runstore {VERSION}, as wandb 0.31.0")
def commands() -> None:
    """runstore under the name of W&B's command: runs are kept on local disk, and delivered by `sync`.

    `runstore --help` shows what else it can do.
    """


def main() -> None:
    """Run the command line."""
    command_line.main(commands, "wandb")
