"""The command `runstore`: finds the module of a command when it is called, and ends with a documented exit code."""

from __future__ import annotations

import importlib
import os
import sys

import click

from runstore.errors import RunstoreError
from runstore.version import VERSION

# Command -> module of this package, and the name in it where that is not `command`. A command's module is imported
# only when it is called, so that each one starts as quickly as what it does allows.
COMMANDS = {
    "runs": "runs",
    "sync": "sync",
    "remote": "remote",
    "daemon": "daemon",
    "hub": "hub",
    "verify": "verify",
    "offline": "modes:offline",
    "online": "modes:online",
    "disabled": "modes:disabled",
    "enabled": "modes:enabled",
    "login": "login",
    "settings": "settings",
    "completion": "completion",
}


class LazyGroup(click.Group):
    """A group that knows the names of its commands, and imports each one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, importing it."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"runstore.cli.{module}"), name or "command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="runstore")
def cli() -> None:
    """Keep the record of training runs on local disk, look at it, and deliver it when there is a network.

    \b
    Exit codes: 0 done; 1 something is damaged, failed or not delivered; 2 a wrong argument or setting;
    3 no such path, run or remote; 4 the remote refused the token; 5 the remote can't be reached;
    6 the local disk refused.
    """


def main() -> None:
    """Run the command line."""
    try:
        cli(prog_name="runstore")
    except RunstoreError as error:
        click.echo(f"runstore: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
