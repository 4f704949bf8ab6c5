"""`runstore artifact verify`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.artifact_common import complete_artifact, open_registry
from runstore.cli.output import emit_json, size
from runstore.cli.runs_common import json_option
from runstore.cli.table import printable

if TYPE_CHECKING:
    from runstore.query.artifacts.overview import ListedVersion
    from runstore.query.artifacts.registry import Registry
    from runstore.query.artifacts.whereabouts import Whereabouts

_WRONG = ("damaged", "lost")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME[:ALIAS]]...", shell_complete=complete_artifact)
@json_option
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Read all bytes of artifacts and compare their digests: of all that are known, or of all versions of each NAME.

    Exit code 1 if bytes are damaged, or are neither here nor at a hub. References are not looked at. Changes nothing.

    Example: runstore artifact verify digits
    """
    from runstore.query.artifacts.describing import entry_as_json
    from runstore.query.artifacts.whereabouts import checked, counted

    seen: dict[tuple[object, ...], bool] = {}
    found: list[dict[str, Any]] = []
    with open_registry() as known:
        versions = _versions(known, names)
        total = sum(each.size or 0 for each in versions)
        hidden = as_json or not sys.stderr.isatty()
        with click.progressbar(length=total, label="reading", hidden=hidden, file=sys.stderr) as bar:
            for version, _, _ in versions:
                entries = checked(known, version, seen, bar.update)
                wrong = [each for each in entries if each.state in _WRONG]
                said = {"name": version.qualified_name, "intact": not wrong, "bytes": counted(entries)}
                found.append({**said, "wrong": [entry_as_json(each) for each in wrong]})
                if not as_json:
                    _show(version.qualified_name, entries, wrong)
    if as_json:
        emit_json(found)
    context.exit(0 if all(each["intact"] for each in found) else 1)


def _versions(known: Registry, names: Sequence[str]) -> list[ListedVersion]:
    """Return what is to be read: each version once, and none for the links to it, if all are read."""
    from runstore.query.artifacts.naming import versions_named
    from runstore.query.artifacts.overview import listed, listed_collections

    if names:
        wanted = dict.fromkeys(version for name in names for version in versions_named(known, name))
        return listed(known, wanted)
    everything = [version for each in listed_collections(known) for version in known.versions(each.path)]
    everything.sort(key=lambda version: version.linked)
    by_source = {(version.log, version.place): version for version in reversed(everything)}
    return listed(known, reversed(by_source.values()))


def _show(name: str, entries: Sequence[Whereabouts], wrong: Sequence[Whereabouts]) -> None:
    read = [each for each in entries if each.state == "here"]
    others = len(entries) - len(read) - len(wrong)
    beside = f"; {others:,} kept elsewhere" if others else ""
    total = size(sum(each.entry.size for each in read))
    click.echo(f"{'WRONG' if wrong else 'intact':8}{name}: {len(read):,} of {len(entries):,} read ({total}){beside}")
    for each in wrong:
        what = f"{each.place}: other bytes than were logged" if each.place else "gone; no file on this machine has it"
        click.echo(printable(f"        {each.entry.path}: {what}{each.note and '; '}{each.note}"))
