"""`runstore sync`: deliver runs to a hub, now."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runstore.cli.output import emit_json, size, warn
from runstore.errors import NotFound


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--remote", metavar="NAME|URL", help="Where to; not needed where only one remote is known.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, as docs/cli.md describes them.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def command(context: click.Context, paths: tuple[Path, ...], remote: str | None, as_json: bool, quiet: bool) -> None:
    """Deliver the runs at or below PATHS (./wandb by default) to a hub, and prove that they arrived.

    Sends only what the hub does not hold yet: safe to repeat, and to interrupt at any moment. Exit code 1 if a run
    could not be delivered; the others are.

    Example: runstore sync ./wandb --remote lab
    """
    from runstore.index.indexer import Indexer
    from runstore.paths import default_root, find_logs
    from runstore.syncd.oneround import Round
    from runstore.syncd.remotes.configured import open_remote, the_only_remote

    logs: list[Path] = []
    for path in paths or (default_root(),):
        if not path.exists():
            raise NotFound(f"{path}: there is no such file or folder; give a run directory or a folder above it")
        logs += find_logs(path)
    name = remote or the_only_remote()
    open_remote(name).close()  # says now if it is not known
    was_interrupted = False
    hidden = as_json or quiet
    deliveries = Round(name, logs, lambda done: bar.update(done))
    with click.progressbar(length=deliveries.total, label="delivering", hidden=hidden, file=sys.stderr) as bar:
        try:
            report = deliveries.run(Indexer())
        except KeyboardInterrupt:
            report, was_interrupted = deliveries.report(), True
    if was_interrupted:
        warn("interrupted; what is delivered stays so, and the same command goes on from there")
    if as_json:
        emit_json(report.as_json())
    else:
        click.echo(
            f"{report.verified} of {report.logs} logs of {len(report.runs)} runs are delivered and verified; sent now: "
            f"{report.records:,} records in {size(report.bytes_sent)}, {report.files_sent} files in "
            f"{size(report.file_bytes_sent)}"
        )
        for note in report.notes:
            warn(note)
        for error in report.errors.values():
            warn(error)
    context.exit(1 if was_interrupted or report.errors or report.verified < report.logs else 0)
