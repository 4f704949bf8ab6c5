"""`runstore repair`: a clean log of all that is intact in a damaged one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runstore.cli.output import emit_json, size
from runstore.cli.verdicts import facts_of, lines_of_lost
from runstore.errors import NotFound, UsageError
from runstore.paths import find_logs, is_edit_log_name
from runstore.runlog.repair import Repair, repair


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="NEW", type=click.Path(path_type=Path), help="Where the new log goes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
def command(log: Path, to: Path, as_json: bool) -> None:
    """Write all intact records of LOG, a run log or a run directory, to a clean log, and say what is gone.

    NEW is a file named *.wandb, or a run directory named offline-run-*, or else a folder in which a run directory is
    made: with the run's files in it, and ready for `wandb sync`, which stops at the first damage of LOG. LOG is never
    changed, and nothing is overwritten. runstore itself reads all that is intact in LOG, and needs no repair.

    Example: runstore repair wandb/offline-run-20240501_120000-k3v9q2xy --to repaired
    """
    done = repair(_only_log(log), to)
    if as_json:
        emit_json(_as_json(done))
        return
    click.echo(f"{done.log}: {done.records:,} records written ({size(done.size)})")
    for line in (*_remarks(done), *lines_of_lost(done.verdict)):
        click.echo(line)


def _only_log(place: Path) -> Path:
    """Return the log at or in `place`."""
    if not place.exists():
        raise NotFound(f"{place}: there is no such file or folder; give a run log, or its run directory")
    if place.is_file():
        return place
    logs = [log for log in find_logs(place) if not is_edit_log_name(log.name)]
    if not logs:
        raise NotFound(f"{place}: there is no run log in it; run directories lie in a folder named wandb")
    if len(logs) > 1:
        raise UsageError(f"{place}: holds {len(logs)} run logs; give one of them, such as {logs[0]}")
    return logs[0]


def _remarks(done: Repair) -> list[str]:
    verdict = done.verdict
    remarks = []
    if verdict.undecodable:
        remarks.append(f"left out: {verdict.undecodable:,} records that can't be understood")
    if done.copies_left_out:
        remarks.append(f"left out: {done.copies_left_out:,} second copies of records")
    if done.run_record == "moved":
        remarks.append("the first run record is lost: a later one was put in its place")
    if done.run_record == "made":
        remarks.append("every run record is lost: one was made that says the run's id, which the file's name says")
    if not verdict.has_exit:
        remarks.append("there is no exit record: the process was killed, or it still writes the log")
    return remarks


def _as_json(done: Repair) -> dict[str, Any]:
    return {
        "path": str(done.verdict.path),
        "to": str(done.log),
        "records_written": done.records,
        "size_written": done.size,
        "copies_left_out": done.copies_left_out,
        "run_record": done.run_record,
        "found": facts_of(done.verdict),
    }
