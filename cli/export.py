"""`runstore export`: runs as files of other tools."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.export_html import write_page
from runstore.cli.output import emit_json
from runstore.cli.runs_common import complete_filter, complete_keys, open_api, runs_asked_for
from runstore.errors import NotFound, UsageError

if TYPE_CHECKING:
    from runstore.query.api import Api

_FORMS = ("parquet", "csv", "jsonl", "tensorboard", "html")


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN|FILTER]...", shell_complete=complete_filter)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(_FORMS), required=True, help="What the files are to be.")
@click.option("--keys", metavar="A,B", shell_complete=complete_keys, help="Only these metrics.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON, as docs/cli.md describes it.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(
    runs: tuple[str, ...], folder: Path, form: str, keys: str | None, force: bool, as_json: bool, quiet: bool
) -> None:
    """Write runs into DIR: a file each (a folder for tensorboard), and a table of them with config and summary.

    Each RUN is an id, a name or entity/project/id, each FILTER as docs/filters.md describes them; without any, all runs
    are written. Nothing is overwritten without --force: safe to repeat, and to interrupt at any moment.

    With --to html one page shows all of them, charts and all, in any browser without a server: DIR may be the name of
    the file then, or be left out.

    Example: runstore export 'project:demo state:finished' exported --to csv
    """
    if form == "html":
        if keys:
            raise UsageError("--keys is of the other formats: a page has all metrics")
        write_page(runs, folder, force=force, as_json=as_json)
        return
    if folder.is_file():
        raise UsageError(f"{folder} is a file: runs go to a folder, a file each")
    from runstore.query.export.exporting import expected_points, export

    api = open_api()
    if not runs:
        _refuse_a_run(api, folder)
    chosen = runs_asked_for(api, runs)
    wanted = [key.strip() for key in keys.split(",") if key.strip()] if keys else None
    hidden = quiet or as_json or not sys.stderr.isatty()
    total = 0 if hidden else expected_points(chosen, wanted)
    with click.progressbar(length=total, label="exporting", hidden=hidden, file=sys.stderr) as bar:
        done = export(chosen, form, folder, wanted, force=force, progress=bar.update)
    api.close()
    if as_json:
        files = {"/".join(run.path): str(file) for run, file in zip(chosen, done.files, strict=True)}
        emit_json(
            {"format": form, "runs": len(chosen), "points": done.points, "table": str(done.table), "files": files}
        )
    else:
        runs_are = "1 run with {} points is" if len(chosen) == 1 else f"{len(chosen):,} runs with {{}} points are"
        click.echo(f"{runs_are.format(f'{done.points:,}')} in {folder}; {done.table.name} lists them")


def _refuse_a_run(api: Api, folder: Path) -> None:
    """Raise UsageError where what stands in the folder's place is a run: all runs would go to a folder of its name."""
    if folder.exists():
        return
    with contextlib.suppress(NotFound):
        api.run(str(folder))
        raise UsageError(f"{folder} is a run: name the folder too, as in `runstore export {folder} exported --to csv`")
