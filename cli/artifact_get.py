"""`runstore artifact get`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from runstore.cli.artifact_common import artifact_argument, open_registry
from runstore.cli.output import emit_json, size
from runstore.cli.runs_common import json_option
from runstore.errors import NotFound


@click.command()
@artifact_argument
@click.option("--to", metavar="DIR", type=click.Path(path_type=Path), help="By default ./artifacts/NAME:vN.")
@click.option("--path", "prefix", metavar="PREFIX", help="Only files whose paths begin so.")
@json_option
def command(name: str, to: Path | None, prefix: str | None, as_json: bool) -> None:
    """Copy the files of an artifact to a folder, each checked by its digest; other files in it stay.

    What this machine does not have comes from a hub, where one is set. References are brought from where they refer to.
    Safe to repeat and to interrupt: files are whole or not there, and those that are there already are not copied.

    Example: runstore artifact get digits:latest --to data
    """
    from runstore.query.artifacts.naming import whole_name
    from runstore.query.artifacts.restoring import artifact_named

    with open_registry() as known:
        wanted = whole_name(known, name)
    artifact = artifact_named(str(wanted), entity=wanted.entity or "", project=wanted.project or "")
    chosen = [entry for entry in artifact.manifest if entry.path.startswith(prefix or "")]
    if prefix and not chosen:
        raise NotFound(f"{artifact.qualified_name} has nothing whose path begins with {prefix!r}; nothing was copied")
    where = artifact.download(to, path_prefix=prefix)
    total = sum(entry.size or 0 for entry in chosen)
    if as_json:
        found = {"name": artifact.qualified_name, "folder": os.path.abspath(where)}
        emit_json({**found, "files": len(chosen), "size": total, "paths": sorted(entry.path for entry in chosen)})
    else:
        files = f"{len(chosen):,} {'file' if len(chosen) == 1 else 'files'}"
        click.echo(f"{artifact.qualified_name}: {files} ({size(total)}) in {where}")
