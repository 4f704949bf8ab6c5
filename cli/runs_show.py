"""`runstore runs show`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from runstore.cli.output import emit_json, short
from runstore.cli.runs_common import json_option, open_api, open_remote_named, remote_option, run_argument
from runstore.cli.table import printable

_OF_NOTES = "\n\t"


@click.command()
@run_argument
@json_option
@remote_option
def command(run: str, as_json: bool, remote: str | None) -> None:
    """Show one RUN: what it is, its config and its summary. RUN is an id, a name, or entity/project/id.

    Example: runstore runs show demo/k3v9q2xy
    """
    from runstore.query.filtering.fields import flat

    if remote:
        found: dict[str, Any] = open_remote_named(remote).run(run)
    else:
        known = open_api().run(run)
        not_kept = [one.as_json() for one in known.not_kept()]
        found = {**known.as_json(), **({"not_kept": not_kept} if not_kept else {})}
    if as_json:
        emit_json(found)
        return
    for key, value in found.items():
        if key not in ("config", "summary", "not_kept"):
            click.echo(
                f"{key + ':':14}{short(value) if not isinstance(value, str) else printable(value, kept=_OF_NOTES)}"
            )
    for part in ("config", "summary"):
        click.echo(f"{part}:")
        for key, value in sorted(flat(found[part]).items()):
            click.echo(printable(f"  {key} = {_shown(key, value)}"))
    _show_not_kept(found.get("not_kept", ()))


def _show_not_kept(files: Sequence[dict[str, Any]]) -> None:
    from runstore.index.rescue.lost import NotKept

    if files:
        click.echo("not in the run directory:")
    for file in files:
        click.echo(printable(f"  {NotKept(**file).sentence}"))


def _shown(key: str, value: Any) -> str:
    from runstore.core.times import shown

    if key == "_timestamp" and isinstance(value, (int, float)):
        return shown(value) or short(value)
    return value if isinstance(value, str) else short(value)
