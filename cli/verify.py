"""`runstore verify`: what of run logs is intact, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runstore.cli.output import emit_json, size
from runstore.errors import LogError, NotFound
from runstore.paths import find_logs
from runstore.runlog.verify import Verdict, verify


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--show-lost", is_flag=True, help="List every byte range that holds no whole record.")
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
        found += [_verdict(log) for log in logs]
    if as_json:
        emit_json(found)
    else:
        for entry in found:
            _show(entry, show_lost)
    context.exit(0 if all(entry["intact"] for entry in found) else 1)


def _verdict(log: Path) -> dict[str, Any]:
    """Return what is said of one log, in JSON's types."""
    try:
        verdict = verify(log)
    except LogError as error:
        return {"path": str(log), "intact": False, "error": str(error)}
    lost = [{"start": x.start, "end": x.end, "why": x.why.value} for x in verdict.lost]
    return {
        "path": str(log),
        "intact": verdict.is_intact,
        "size": verdict.size,
        "records": verdict.records,
        "undecodable": verdict.undecodable,
        "missing": verdict.missing,
        "damaged_bytes": verdict.damaged_bytes,
        "torn_bytes": verdict.torn_bytes,
        "finished": verdict.has_exit,
        "lost": lost,
        "sentence": _sentence(verdict),
    }


def _sentence(verdict: Verdict) -> str:
    whole = f"{verdict.records:,} records intact"
    if not (verdict.records or verdict.damaged_bytes or verdict.undecodable):
        return "no records yet"
    parts = []
    if verdict.damaged_bytes:
        damaged = [x for x in verdict.lost if x.why.value != "torn"]
        parts.append(f"{verdict.damaged_bytes:,} bytes damaged in {len(damaged)} places, first at {damaged[0].start:,}")
    if verdict.undecodable:
        parts.append(f"{verdict.undecodable:,} records can't be understood")
    if verdict.missing:
        parts.append(f"{verdict.missing:,} records are missing by their numbers")
    if verdict.torn_bytes:
        parts.append(f"the last record is not finished ({verdict.torn_bytes:,} bytes)")
    return "; ".join([whole, *parts])


def _show(entry: dict[str, Any], show_lost: bool) -> None:
    if "error" in entry:
        click.echo(f"not a log  {entry['error']}")
        return
    click.echo(f"{'intact' if entry['intact'] else 'DAMAGED':9}  {entry['path']}: {entry['sentence']}", nl=False)
    click.echo(f" ({size(entry['size'])})")
    for lost in entry["lost"] if show_lost else ():
        click.echo(
            f"           {lost['why']}: bytes {lost['start']:,} to {lost['end']:,} ({lost['end'] - lost['start']:,})"
        )
