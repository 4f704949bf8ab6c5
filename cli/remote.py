"""`runstore remote`: name the hubs that runs are delivered to."""

from __future__ import annotations

import click

from runstore.cli.output import emit_json, emit_table, warn


@click.group()
def command() -> None:
    """Name the hubs that runs are delivered to. Tokens are kept in a file that only you can read."""


@command.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--token", default="", help="The token that the hub gave; RUNSTORE_TOKEN serves where it is left out.")
def add(name: str, url: str, token: str) -> None:
    """Keep the hub at URL under NAME, in place of one that had the name before.

    Example: runstore remote add lab https://hub.example.org --token rs_...
    """
    from runstore.syncd.remotes.configured import add_remote

    add_remote(name, url, token)
    warn(f"remote {name} is {url}; try it: runstore sync --remote {name}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; tokens are left out.")
def list_remotes(as_json: bool) -> None:
    """List the remotes; tokens are not shown.

    Example: runstore remote list
    """
    from runstore.syncd.remotes.configured import load_remotes

    remotes = sorted(load_remotes().items())
    if as_json:
        emit_json([{"name": name, "url": remote.url, "has_token": bool(remote.token)} for name, remote in remotes])
    else:
        emit_table([(name, r.url, "yes" if r.token else "no") for name, r in remotes], ("NAME", "URL", "TOKEN"))


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Forget the remote NAME. Nothing on the hub changes.

    Example: runstore remote remove lab
    """
    from runstore.syncd.remotes.configured import remove_remote

    remove_remote(name)
