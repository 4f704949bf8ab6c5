"""`runstore verify`: what of run logs is intact, and what is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_json, size
from runstore.cli.table import printable
from runstore.cli.verdicts import facts_of, lines_of_lost, sentence_of
from runstore.errors import LogError, NotFound, RunstoreError
from runstore.paths import find_logs, is_text
from runstore.runlog.verify import verify

if TYPE_CHECKING:
    from runstore.index.rescue.lost import NotKept


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--show-lost", is_flag=True, help="List every byte range and record that is lost, and what is around it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
@click.pass_context
def command(context: click.Context, paths: tuple[Path, ...], show_lost: bool, as_json: bool) -> None:
    """Read the run logs at or below PATHS from end to end and say what is intact. Changes nothing.

    Exit code 1 if anything is damaged. A torn last record, which a killed process leaves, is no damage.

    Example: runstore verify ./wandb
    """
    found: list[dict[str, Any]] = []
    for path in paths:
        logs = list(find_logs(path))
        if not logs:
            raise NotFound(f"{path}: there is no run log at or below it; run directories lie in a folder named wandb")
        for log in logs:
            found.append(_verdict(log, None if as_json else show_lost))
    if as_json:
        emit_json(found)
    context.exit(0 if all(entry["intact"] for entry in found) else 1)


def _verdict(log: Path, show_lost: bool | None) -> dict[str, Any]:
    """Return what is said of one log, in JSON's types; unless `show_lost` is None, print it for people as well."""
    try:
        verdict = verify(log)
    except LogError as error:
        if show_lost is not None:
            click.echo(printable(f"not a log  {error}"))
        return {"path": str(log), "intact": False, "error": str(error)}
    sentence = sentence_of(verdict)
    not_kept = _not_kept(log)
    if show_lost is not None:
        intact = "intact" if verdict.is_intact else "DAMAGED"
        click.echo(printable(f"{intact:9}  {log}: {sentence} ({size(verdict.size)})"))
        for line in lines_of_lost(verdict) if show_lost else ():
            click.echo(f"           {line}")
        for missing in not_kept if show_lost else not_kept[:1]:
            click.echo(printable(f"           not in the run directory: {missing.sentence}"))
        if len(not_kept) > 1 and not show_lost:
            click.echo(f"           and {len(not_kept) - 1:,} more, which --show-lost lists")
    return {
        "path": str(log),
        "intact": verdict.is_intact,
        **facts_of(verdict),
        **({"not_kept": [one.as_json() for one in not_kept]} if not_kept else {}),
        "sentence": sentence,
    }


def _not_kept(log: Path) -> list[NotKept]:
    """Return what the index knows to be missing beside a log; nothing where it can't be asked as it is."""
    from runstore.index.database import connect_read_only, index_path
    from runstore.index.rescue.lost import not_kept_beside

    if not is_text(log.resolve()):
        return []
    try:
        connection = connect_read_only(index_path(), "mode=ro")
    except (sqlite3.Error, RunstoreError):
        return []
    if connection is None:
        return []
    with closing(connection):
        return not_kept_beside(connection, str(log.resolve()))
