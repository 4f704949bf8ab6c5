"""`runstore sync`: deliver runs to a hub or a W&B server, now."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli import sync_drawing
from runstore.cli.bundle_folder import sync_to_folder
from runstore.cli.output import emit_json, warn
from runstore.cli.remote_names import complete_target
from runstore.errors import NotFound

if TYPE_CHECKING:
    from runstore.syncd.delivery import Report
    from runstore.syncd.remotes.configured import RunOptions


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--remote",
    metavar="NAME|URL",
    shell_complete=complete_target,
    help="Where to; not needed where only one remote is known. `wandb` is your W&B server.",
)
@click.option("--entity", "-e", default="", help="Of a W&B server: the user or team that these runs go to.")
@click.option("--project", "-p", default="", help="Of a W&B server: the project that these runs go to.")
@click.option("--include-globs", metavar="GLOB,...", default="", help="Only runs whose log or directory is named so.")
@click.option("--exclude-globs", metavar="GLOB,...", default="", help="No runs whose log or directory is named so.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, from the receipts; ask nobody, send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, as docs/cli.md describes them.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--yes", is_flag=True, hidden=True, help="Taken for scripts of W&B's tool: nothing is ever asked.")
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    remote: str | None,
    entity: str,
    project: str,
    include_globs: str,
    exclude_globs: str,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    yes: bool,
) -> None:
    """Deliver the runs at or below PATHS (./wandb by default) to a hub or a W&B server, and prove that they arrived.

    Sends only what is not there yet: safe to repeat, and to interrupt at any moment. Exit code 1 if a run could not be
    delivered; the others are. For a W&B server the key is that of `runstore login`, or WANDB_API_KEY.

    Example: runstore sync ./wandb --remote lab
    """
    from runstore.syncd.remotes.configured import RunOptions, find_remote, the_only_remote

    logs = list(_chosen(paths, include_globs, exclude_globs))
    name, options = remote or the_only_remote(), RunOptions(entity, project)
    if find_remote(name).kind == "bundle" and not dry_run:
        context.exit(sync_to_folder(name, logs, as_json=as_json, quiet=quiet))
    if dry_run:
        context.exit(_foretell(name, logs, options, as_json=as_json))
    report, was_interrupted = _deliver(name, logs, options, is_hidden=as_json or quiet)
    if was_interrupted:
        warn("interrupted; what is delivered stays so, and the same command goes on from there")
    if as_json:
        emit_json(report.as_json())
    else:
        click.echo(sync_drawing.summary(report, find_remote(name).kind))
        for sentence in (*report.notes, *sync_drawing.failures(report)):
            warn(sentence)
    context.exit(1 if was_interrupted or report.errors or report.verified < report.logs else 0)


def _chosen(paths: tuple[Path, ...], include: str, exclude: str) -> Iterator[Path]:
    """Yield the logs that are meant; raises NotFound for a path that is not there."""
    from runstore.paths import default_root, find_logs

    wanted, unwanted = _globs(include), _globs(exclude)
    for path in paths or (default_root(),):
        if not path.exists():
            raise NotFound(f"{path}: there is no such file or folder; give a run directory or a folder above it")
        for log in find_logs(path):
            names = _names(log)
            if (not wanted or _fits(names, wanted)) and not _fits(names, unwanted):
                yield log


def _globs(given: str) -> list[str]:
    return [glob for glob in (part.strip() for part in given.split(",")) if glob]


def _names(log: Path) -> tuple[str, str]:
    """Return what globs are compared with: the name of a run's log, also for its edits, and of its directory."""
    from runstore.paths import is_edit_log_name, run_id_of

    name = f"run-{run_id_of(log)}.wandb" if is_edit_log_name(log.name) else log.name
    return name, log.absolute().parent.name


def _fits(names: tuple[str, ...], globs: list[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def _deliver(name: str, logs: list[Path], options: RunOptions, *, is_hidden: bool) -> tuple[Report, bool]:
    """Return what was delivered, and whether it was interrupted; shows on a terminal how far it is."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's own threads would only stand around
    from runstore.index.indexer import Indexer
    from runstore.syncd.oneround import Round
    from runstore.syncd.remotes.configured import find_remote, open_remote

    open_remote(name, options).close()  # says now if it is not known, or there is no key for it
    kind = find_remote(name).kind

    def look(done: int) -> None:
        bar.update(done, sync_drawing.progress(deliveries.shipped, kind, bar.pos + done, deliveries.total))

    deliveries = Round(name, logs, look, options, may_fork=True)
    with click.progressbar(
        length=deliveries.total,
        label="delivering",
        hidden=is_hidden,
        file=sys.stderr,
        item_show_func=lambda text: text,
        width=20,
    ) as bar:
        try:
            return deliveries.run(Indexer()), False
        except KeyboardInterrupt:
            return deliveries.report(), True
        finally:
            deliveries.close()


def _foretell(name: str, logs: list[Path], options: RunOptions, *, as_json: bool) -> int:
    """Show what would be sent; return the exit code."""
    from runstore.index.indexer import Indexer
    from runstore.syncd.foretelling import foretold

    plan = foretold(Indexer(), logs, name, options)
    if as_json:
        emit_json(plan.as_json())
    else:
        click.echo(sync_drawing.plan(plan))
        for sentence in plan.errors.values():
            warn(sentence)
    return 1 if plan.errors else 0
