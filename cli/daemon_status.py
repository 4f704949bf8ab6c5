"""`runstore daemon status`."""

from __future__ import annotations

from typing import Any

import click

from runstore.cli.output import emit_json, emit_table, size, warn
from runstore.cli.table import printable
from runstore.paths import home_folder

_MOST_LOGS = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
def command(as_json: bool) -> None:
    """Show what the daemon watches, how it stands with each target, and the logs that are not delivered yet.

    `runstore status` shows more of runs, and needs no daemon. Exit code 1 if no daemon runs.

    Example: runstore daemon status --json
    """
    from runstore.syncd.control import ask

    answer = ask(home_folder(), "status", logs="all" if as_json else "unsettled")
    if as_json:
        emit_json(answer)
        return
    click.echo(printable(f"pid {answer['pid']}, watching {', '.join(answer['watching']) or 'nothing'}"))
    for sentence in answer["problems"]:
        warn(sentence)
    for root in answer["roots"]:
        if root["problem"]:
            warn(f"{root['path']}: {root['problem']}")
    for remote in answer["remotes"]:
        note = f": {remote['last_error']}" if remote["last_error"] else ""
        waiting = f"{remote['logs_waiting']:,} logs waiting"
        click.echo(printable(f"remote {remote['name']}: {remote['state']}, {waiting}{note}"))
    for mirror in answer["mirrors"]:
        note = f": {mirror['last_error']}" if mirror["last_error"] else ""
        click.echo(printable(f"bundles from {mirror['folder']} into {mirror['into']}: {mirror['state']}{note}"))
    _show_logs(answer)
    for sentence in answer["errors"].values():
        warn(sentence)


def _show_logs(answer: dict[str, Any]) -> None:
    totals, names = answer["totals"], [remote["name"] for remote in answer["remotes"]]
    click.echo(f"{totals['logs']:,} logs with {totals['indexed_records']:,} records in {size(totals['indexed_bytes'])}")
    rows = [
        [log["run"], size(log["durable_bytes"]), size(log["indexed_bytes"])]
        + [size(log["delivered_bytes"][name]) if name in log["delivered_bytes"] else "-" for name in names]
        for log in answer["logs"][:_MOST_LOGS]
    ]
    if rows:
        emit_table(rows, ["RUN", "DURABLE", "INDEXED", *(f"AT {name.upper()}" for name in names)])
    if len(answer["logs"]) > _MOST_LOGS:
        click.echo(f"and {len(answer['logs']) - _MOST_LOGS:,} more; runstore status shows all")
