"""`runstore artifact alias`."""

from __future__ import annotations

import click

from runstore.cli.artifact_common import artifact_argument, checked, open_registry
from runstore.cli.output import emit_json
from runstore.cli.runs_common import json_option


@click.command()
@artifact_argument
@click.option("--add", multiple=True, metavar="ALIAS", help="A name to point to this version; may be repeated.")
@click.option("--remove", multiple=True, metavar="ALIAS", help="A name that is not to point to it; may be repeated.")
@json_option
def command(name: str, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Let aliases point to one version of an artifact, or not any more; without either, show those that do.

    An alias points to one version: it moves. The change is written beside the log of the run that logged the artifact,
    delivered like it, and survives the loss of the index. Safe to repeat.

    Example: runstore artifact alias digits:v3 --add best --remove candidate
    """
    from runstore.query.artifacts.naming import version_named
    from runstore.query.artifacts.restoring import restored

    with open_registry() as known:
        artifact = restored(known, version_named(known, name))
    aliases = sorted({*artifact.aliases, *checked(add)} - set(remove))
    if aliases != artifact.aliases:
        artifact.aliases = aliases
        artifact.save()
    if as_json:
        emit_json({"name": artifact.qualified_name, "aliases": aliases})
    else:
        click.echo(f"{artifact.qualified_name}: {', '.join(aliases) or 'no aliases'}")
