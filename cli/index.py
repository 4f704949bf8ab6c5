"""`runstore index`: look after the index, which is a cache over the logs."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import click

from runstore.cli.output import emit_json, size, warn

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
_quiet = click.option("--quiet", is_flag=True, help="Show no progress.")


@click.group()
def command() -> None:
    """Look after the index of this machine: a cache over the logs, which may be deleted at any time."""


@command.command("info")
@_json
def info(as_json: bool) -> None:
    """Show where the index is, and how much is in it, as it is now: without a look at the logs.

    Example: runstore index info
    """
    from runstore.index.database import index_path
    from runstore.index.upkeep.figures import figures

    facts = figures(index_path())
    if as_json:
        emit_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        shown = size(value) if name in ("size", "lost_bytes") else f"{value:,}" if isinstance(value, int) else value
        click.echo(f"{name.replace('_', ' ') + ':':16}{shown}")


@command.command("rebuild")
@_json
@_quiet
def rebuild_index(as_json: bool, quiet: bool) -> None:
    """Build the index anew from all logs that it knows, and those below the folders that it remembers.

    It is built beside the old one, which answers until the new one takes its place; nothing needs to be stopped. Safe
    to repeat, and to interrupt at any moment.

    Example: runstore index rebuild
    """
    from runstore.index.database import index_path
    from runstore.index.upkeep.rebuild import logs_to_index, rebuild

    path = index_path()
    total = sum(log.stat().st_size for log in logs_to_index(path))
    with click.progressbar(length=total, label="indexing", hidden=as_json or quiet, file=sys.stderr) as bar:
        done = rebuild(path, bar.update)
    if as_json:
        emit_json({"path": str(path), "logs": done.logs, "unreadable": [str(error) for error in done.unreadable]})
        return
    click.echo(f"{path}: built anew from {done.logs:,} logs")
    for error in done.unreadable:
        warn(str(error))


@command.command("check")
@_json
@_quiet
@click.pass_context
def check_index(context: click.Context, as_json: bool, quiet: bool) -> None:
    """Index every log anew, into an index that is thrown away, and compare all that the two say.

    Exit code 1 if they differ, which they never should; `runstore index rebuild` makes it good. Changes nothing, but
    that the index is brought up to date first.

    Example: runstore index check
    """
    from runstore.index.database import index_path
    from runstore.index.upkeep.check import check
    from runstore.index.upkeep.rebuild import logs_to_index

    path = index_path()
    total = sum(log.stat().st_size for log in logs_to_index(path))
    with click.progressbar(length=total, label="comparing", hidden=as_json or quiet, file=sys.stderr) as bar:
        done = check(path, bar.update)
    wrong = bool(done.differing or done.damage)
    if as_json:
        emit_json({"path": str(path), "same": not wrong, **vars(done)})
    else:
        _show(str(path), vars(done), wrong)
    context.exit(1 if wrong else 0)


@command.command("rescue")
@_json
def rescue_files(as_json: bool) -> None:
    """Copy what W&B's library left outside of run directories into them: files of artifacts, and saved files.

    All commands and the daemon do this for runs that they meet, as far as there is time; this one waits until all is
    done. Safe to repeat, and to interrupt at any moment. Exit code 0 also where files are gone: `runs show` names them.

    Example: runstore index rescue
    """
    from runstore.index.indexer import Indexer
    from runstore.index.rescue.lost import counts

    with closing(Indexer()) as indexer:
        indexer.catch_up_known()
        indexer.rescue()
        found = counts(indexer.connection)
    if as_json:
        emit_json(found)
        return
    click.echo(f"{found['kept'] + found['held']:,} files are in their run directories, {found['lost']:,} are lost")
    if found["failed"] or found["waiting"] or found["linked"]:
        left = found["failed"] + found["waiting"] + found["linked"]
        warn(f"{left:,} files could not be copied yet; runstore runs show RUN says why")


def _show(path: str, done: dict[str, Any], wrong: bool) -> None:
    for said in done["damage"]:
        click.echo(f"damaged: {said}")
    for owner, tables in done["differing"].items():
        click.echo(f"differs: {owner}: {', '.join(tables)}")
    for log in done["left_out"]:
        warn(f"{log}: is gone, or grows too quickly to be compared")
    if wrong:
        warn(f"{path}: does not say what the logs say; build it anew: runstore index rebuild")
    else:
        click.echo(f"{path}: says what its {done['logs']:,} logs say")
