"""`runstore artifact list`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from runstore.cli.artifact_common import age, complete_artifact, open_registry
from runstore.cli.output import emit_csv, emit_json, emit_table, size, warn
from runstore.cli.runs_common import csv_option, json_option

if TYPE_CHECKING:
    from runstore.query.artifacts.overview import ListedCollection, ListedVersion
    from runstore.query.artifacts.registry import Registry


@click.command()
@click.argument("where", metavar="[PROJECT|NAME]", default="", shell_complete=complete_artifact)
@click.option("--type", "-t", "kind", help="Only artifacts of this type.")
@json_option
@csv_option
def command(where: str, kind: str | None, as_json: bool, as_csv: bool) -> None:
    """List all artifacts that are known, or those of a PROJECT, with the newest version of each; or NAME's versions.

    What is both the name of a project and of an artifact is taken for the project: the artifact has the longer name,
    PROJECT/NAME. The index is brought up to date first. Safe to repeat.

    Example: runstore artifact list demo/digits
    """
    with open_registry() as known:
        collections = _collections(known, where, kind)
        if collections or not where:
            if as_json or as_csv:
                rows = [collection.as_json() for collection in collections]
                emit_json(rows) if as_json else emit_csv(rows, list(rows[0]) if rows else [])
            else:
                _emit_collections(collections, kind)
            return
        versions = _versions(known, where, kind)
    if as_json or as_csv:
        rows = [version.as_json() for version in versions]
        emit_json(rows) if as_json else emit_csv(rows, list(rows[0]) if rows else [])
    else:
        _emit_versions(versions)


def _collections(known: Registry, where: str, kind: str | None) -> list[ListedCollection]:
    """Return the collections of the project that is meant; none where it is the name of an artifact, or of nothing."""
    from runstore.query.artifacts.overview import listed_collections

    *above, project = where.strip("/").split("/")
    if len(above) > 1 or ":" in project:
        return []
    return listed_collections(known, kind, above[0] if above else None, project or None)


def _versions(known: Registry, name: str, kind: str | None) -> list[ListedVersion]:
    from runstore.query.artifacts.naming import versions_named
    from runstore.query.artifacts.overview import listed

    return listed(known, [version for version in versions_named(known, name) if kind in (None, version.type)])


def _emit_collections(found: Sequence[ListedCollection], kind: str | None) -> None:
    if not found:
        of_type = f" of type {kind!r}" if kind else ""
        warn(f"no artifacts{of_type} are known; `runstore runs list PATH` makes those of a folder known")
        return
    rows = [
        (path, of, versions, f"v{newest.version.number}", ", ".join(newest.version.aliases), *_figures(newest))
        for path, of, versions, newest in found
    ]
    emit_table(rows, ("NAME", "TYPE", "VERSIONS", "NEWEST", "ALIASES", "FILES", "SIZE", "AGE"))


def _emit_versions(found: Sequence[ListedVersion]) -> None:
    rows = [
        (each.version.qualified_name, ", ".join(each.version.aliases), *_figures(each), each.version.run)
        for each in found
    ]
    emit_table(rows, ("NAME", "ALIASES", "FILES", "SIZE", "AGE", "LOGGED BY"))


def _figures(listed: ListedVersion) -> tuple[str, str, str]:
    version, files, total = listed
    return "" if files is None else f"{files:,}", "" if total is None else size(total), age(version.created_ns)
