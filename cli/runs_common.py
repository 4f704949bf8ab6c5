"""What commands about runs share: their options, how they find a run, and what a shell completes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from runstore.cli.remote_names import complete_hub
from runstore.cli.table import printable
from runstore.errors import NotFound

if TYPE_CHECKING:
    from runstore.query.api import Api
    from runstore.query.stored.run import StoredRun

remote_option = click.option(
    "--remote",
    metavar="NAME|URL",
    shell_complete=complete_hub,
    help="Ask a hub instead of this machine's index.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line.")


def open_api(*, refresh: bool = True) -> Api:
    """Return the runs of this machine's index, which is brought up to date first."""
    from runstore.query.api import Api

    return Api(refresh=refresh)


def runs_asked_for(api: Api, asked: Sequence[str]) -> list[StoredRun]:
    """Return the runs that are named or fulfil a filter, each once; all where nothing is asked for.

    Raises NotFound for what neither names a run nor fits one.
    """
    from runstore.core.filters import parse_filter

    if not asked:
        return api.select()
    found: dict[int, StoredRun] = {}
    for text in asked:
        try:
            runs = [api.run(text)]
        except NotFound as error:
            runs = api.select(parse_filter(text))
            if not runs:
                raise NotFound(f"no run is called {text!r}, and none fulfils it as a filter") from error
        found.update((run.place, run) for run in runs)
    return list(found.values())


def open_remote_named(remote: str) -> Any:
    """Return a hub by its name or URL."""
    from runstore.syncd.remotes.configured import open_hub

    return open_hub(remote)


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a run's id or name from the index as it is."""
    from runstore.query.completing import runs_beginning

    # Each is a line for the shell.
    return [CompletionItem(name, help=printable(what)) for name, what in runs_beginning(incomplete) if "\n" not in name]


def complete_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last of a list of metrics."""
    from runstore.query.completing import metrics_beginning

    done, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{done}{comma}{key}") for key in metrics_beginning(last, ctx.params.get("run"))]


def complete_filter(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last word of a filter."""
    from runstore.core.filters import completions
    from runstore.query.completing import config_and_summary_keys

    return [CompletionItem(text) for text in completions(incomplete, config_and_summary_keys())]


def complete_columns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last of a list of columns, or of fields to sort by."""
    from runstore.core.filter_fields import FIELDS
    from runstore.query.completing import config_and_summary_keys

    done, comma, last = incomplete.rpartition(",")
    sign = last[:1] if last[:1] in "+-" else ""
    names = [name for name in [*FIELDS, *config_and_summary_keys()] if name.startswith(last[len(sign) :])]
    return [CompletionItem(f"{done}{comma}{sign}{name}") for name in names]


run_argument = click.argument("run", shell_complete=complete_run)
