"""`runstore runs`: everything about runs, a module a command."""

from __future__ import annotations

import click

from runstore.cli.lazy import LazyGroup

COMMANDS = {
    "list": "runs_list",
    "show": "runs_show",
    "history": "runs_history",
    "compare": "runs_compare",
    "tag": "runs_edit:tag",
    "note": "runs_edit:note",
    "rename": "runs_edit:rename",
    "delete": "runs_delete",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Look at runs and order them: those below ./wandb and all others indexed on this machine, or those on a hub."""
