"""`runstore artifact graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runstore.cli.artifact_common import complete_artifact_or_run, open_registry
from runstore.cli.output import emit_json
from runstore.cli.runs_common import json_option
from runstore.errors import ArtifactNotFound, NotFound, UsageError

if TYPE_CHECKING:
    from runstore.core.identity import RunPath
    from runstore.query.artifacts.registry import Registry, Version


@click.command()
@click.argument("name", metavar="NAME[:ALIAS]|RUN", shell_complete=complete_artifact_or_run)
@click.option("--dot", is_flag=True, help="Print it for Graphviz.")
@click.option("--depth", type=click.IntRange(1), help="At most so many steps away; all by default.")
@json_option
def command(name: str, dot: bool, depth: int | None, as_json: bool) -> None:
    """Show where an artifact or a run came from, and what came of it: which runs logged and used which versions.

    What is met again is not shown again, but for its name, marked (above).

    Example: runstore artifact graph digits:v3 --dot | dot -Tsvg > digits.svg
    """
    from runstore.cli.artifact_drawing import as_dot, as_json_object, as_tree
    from runstore.query.artifacts.graph import lineage_of

    if dot and as_json:
        raise UsageError("--dot and --json: choose one")
    with open_registry() as known:
        found = lineage_of(known, _start(known, name), depth)
    if as_json:
        emit_json(as_json_object(found))
    else:
        click.echo("\n".join(as_dot(found) if dot else as_tree(found)))


def _start(known: Registry, name: str) -> Version | RunPath:
    """Return the version that is meant or, where there is none, the run."""
    from runstore.core.identity import RunPath
    from runstore.query.artifacts.naming import version_named
    from runstore.query.stock import Api

    try:
        return version_named(known, name)
    except ArtifactNotFound as error:
        if ":" in name:
            raise
        api = Api(refresh=False)
        try:
            run = api.run(name)
        except NotFound:
            raise NotFound(f"{error}; and no run is called {name!r}") from None
        finally:
            api.close()
        return RunPath(run.entity, run.project, run.id)
