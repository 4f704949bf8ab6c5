"""The command `runstore`: finds the module of a command when it is called, and ends with a documented exit code."""

from __future__ import annotations

import errno
import io
import os
import sys

import click

from runstore.cli.lazy import LazyGroup
from runstore.cli.output import warn
from runstore.errors import IndexDamaged, RunstoreError, StorageError
from runstore.index import parallel
from runstore.index.upkeep import notices
from runstore.version import VERSION

# Command -> module of this package, and the name in it where that is not `command`.
COMMANDS = {
    "runs": "runs",
    "artifact": "artifact",
    "search": "search",
    "sql": "sql",
    "export": "export",
    "sync": "sync",
    "status": "status",
    "bundle": "bundle",
    "remote": "remote",
    "daemon": "daemon",
    "hub": "hub",
    "ui": "ui",
    "verify": "verify",
    "repair": "repair",
    "index": "index",
    "offline": "modes:offline",
    "online": "modes:online",
    "disabled": "modes:disabled",
    "enabled": "modes:enabled",
    "login": "login",
    "run": "run",
    "settings": "settings",
    "completion": "completion",
}

_OUTPUT_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


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


def main(commands: click.Group = cli, name: str = "runstore") -> None:
    """Run the command line: `commands`, under the name by which they were called."""
    notices.listen(warn)
    parallel.allow()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names are of any characters; terminals are not
    try:
        _run(commands, name)
    except RunstoreError as error:
        warn(str(error))
        sys.exit(error.exit_code)
    except UnicodeEncodeError as error:  # half a character, which only bytes of an argument that are no text bring
        warn(f"{error.object!a:.100} is not UTF-8")
        sys.exit(2)
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _forget_output()
        sys.exit(0)
    except OSError as error:
        if error.errno not in _OUTPUT_REFUSED or error.filename is not None:
            raise
        _forget_output()
        warn(f"the output can't be written: {error.strerror}")
        sys.exit(StorageError.exit_code)


def _run(commands: click.Group, name: str) -> None:
    if f"_{name.upper()}_COMPLETE" in os.environ:
        from runstore.cli.bash_completion import use_whole_words

        use_whole_words()
    try:
        try:
            commands(prog_name=name)
        except IndexDamaged as error:
            warn(str(error))
            commands(prog_name=name)  # with a new index
    finally:
        if sys.stdout is not None:  # which is closed where there is none
            sys.stdout.flush()


def _forget_output() -> None:
    """Let Python not complain once more when it flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
