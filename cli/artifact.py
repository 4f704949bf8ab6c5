"""`runstore artifact`: everything about artifacts, a module a command."""

from __future__ import annotations

import click

from runstore.cli.lazy import LazyGroup

COMMANDS = {
    "put": "artifact_put",
    "get": "artifact_get",
    "list": "artifact_list",
    "show": "artifact_show",
    "verify": "artifact_verify",
    "alias": "artifact_alias",
    "graph": "artifact_graph",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Keep and get artifacts: data sets, models and other files with a name and versions; docs/artifacts.md tells how.

    NAME is [[ENTITY/]PROJECT/]NAME, without a project where only one has it; ALIAS is one such as latest, or v3.
    """
