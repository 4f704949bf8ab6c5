"""The command `runstore`: finds the module of a command when it is called, and ends with a documented exit code."""

from __future__ import annotations

import os
import sys

import click

from runstore.cli.lazy import LazyGroup
from runstore.errors import IndexDamaged, RunstoreError
from runstore.index import notices, parallel
from runstore.version import VERSION

# Command -> module of this package, and the name in it where that is not `command`.
COMMANDS = {
    "runs": "runs",
    "search": "search",
    "sql": "sql",
    "export": "export",
    "sync": "sync",
    "remote": "remote",
    "daemon": "daemon",
    "hub": "hub",
    "verify": "verify",
    "repair": "repair",
    "index": "index",
    "offline": "modes:offline",
    "online": "modes:online",
    "disabled": "modes:disabled",
    "enabled": "modes:enabled",
    "login": "login",
    "settings": "settings",
    "completion": "completion",
}


@click.group(
    cls=LazyGroup,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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
    notices.listen(_say)
    parallel.allow()
    try:
        try:
            cli(prog_name="runstore")
        except IndexDamaged as error:
            _say(str(error))
            cli(prog_name="runstore")  # with a new index
    except RunstoreError as error:
        click.echo(f"runstore: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _say(sentence: str) -> None:
    click.echo(f"runstore: {sentence}", err=True)
