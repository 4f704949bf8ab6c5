"""`runstore login`: keep an API key of a W&B server where stock tools look for it."""

from __future__ import annotations

import os
import sys

import click

from runstore.cli.output import warn
from runstore.errors import UsageError
from runstore.settings import Settings, credentials, resolve


@click.command()
@click.argument("key", required=False)
@click.option("--host", "--base-url", "host", help="Address of the W&B server, kept as yours.")
@click.option("--relogin", is_flag=True, help="Ask for a key also where there is one.")
@click.option("--verify", is_flag=True, help="Ask the server whose key it is; one that it does not know is not kept.")
@click.option("--anonymously", is_flag=True, hidden=True, help="Taken for older scripts, without effect.")
def command(key: str | None, host: str | None, relogin: bool, verify: bool, anonymously: bool) -> None:
    """Keep the API key of a W&B server, for delivery there.

    Without KEY it is asked for on the terminal, without echo, unless there is one in WANDB_API_KEY, in a settings file
    or in the netrc file. It is kept in the netrc file, readable by you only and beside other entries, where W&B's tools
    look as well. Recording runs needs no key, and nobody is asked but with --verify: else whether the server takes it
    shows at delivery. Safe to repeat.

    Example: runstore login --host https://wandb.example.org
    """
    settings = resolve({"base_url": host})
    found = None if key or relogin else credentials.find_key(settings, os.environ)
    given = found[0] if found else credentials.checked_key(key or _asked(settings))
    said = _verified(settings.base_url, given) if verify else ""
    if found:
        warn(f"there is a key for {settings.base_url} already, from {found[1]}; for another: runstore login --relogin")
    else:
        file = credentials.store_key(given, settings.base_url, os.environ)
        warn(f"the key for {settings.base_url} is in {file}")
    if said:
        warn(said)
    if host:
        credentials.store_server(settings.base_url, os.environ)


def _asked(settings: Settings) -> str:
    if not sys.stdin.isatty():
        raise UsageError("there is no key and no terminal to ask on; give it: runstore login KEY")
    warn(f"the key is shown at {settings.base_url}/authorize")
    return str(click.prompt("API key", hide_input=True, err=True))


def _verified(url: str, key: str) -> str:
    """Return, in a sentence, whose key it is; raises RemoteRefused where the server does not know it."""
    from runstore.syncd.remotes.viewer import whose_key

    viewer = whose_key(url, key)
    goes = f"; runs that name no entity go to {viewer.entity}" if viewer.entity else ""
    return f"{url} knows it as {viewer.username or viewer.entity or 'a user without a name'}{goes}"
