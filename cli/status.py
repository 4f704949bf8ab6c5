"""`runstore status`: how far runs are, durable here, indexed, and proven to be where they go."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from typing import Any

import click

from runstore.cli.output import emit_json
from runstore.cli.runs_common import complete_run
from runstore.cli.status_drawing import overview, story
from runstore.cli.status_facts import Look
from runstore.errors import UsageError

# A look at 10,000 runs takes a second: it is taken the more seldom, the longer it takes.
_WATCH_SECONDS = 2.0
_WATCH_SHARE = 5.0
_HOME_AND_CLEAR, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command()
@click.argument("run", metavar="[RUN|PATH]", required=False, shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
@click.option("--watch", "is_watching", is_flag=True, help="Keep it on the screen until Ctrl-C.")
@click.option("--all", "with_all", is_flag=True, help="List every run, those that are delivered too.")
@click.pass_context
def command(context: click.Context, run: str | None, as_json: bool, is_watching: bool, with_all: bool) -> None:
    """Show of all runs, of one RUN, or of those at or below PATH, how much is durable here, indexed, and delivered.

    Delivered is what a hub has proven to hold, digests compared, or a W&B server has taken. Works without a daemon,
    from the index and the receipts beside the logs; where one runs, it tells what it is at. Changes nothing. Exit code
    1 where something waits, or failed.

    Example: runstore status --watch
    """
    if is_watching and as_json:
        raise UsageError("--watch keeps a screen for people; ask for --json as often as you want")
    look = Look(run)
    every_run = as_json or with_all or look.is_one
    if is_watching:
        _watch(lambda: _drawn(look.facts(every_run), with_all, look.is_one, shutil.get_terminal_size().lines - 1))
        return
    facts = look.facts(every_run)
    if as_json:
        emit_json(facts)
    else:
        click.echo(_drawn(facts, with_all, look.is_one))
    context.exit(0 if facts["is_settled"] else 1)


def _drawn(facts: dict[str, Any], with_all: bool, is_one: bool, rows: int = 0) -> str:
    return story(facts) if is_one else overview(facts, with_all=with_all, rows=rows)


def _watch(drawn: Callable[[], str]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            began = time.monotonic()
            lines = drawn().splitlines()
            screen = "".join(f"{line}{_CLEAR_LINE}\n" for line in lines)
            click.echo(f"{_HOME_AND_CLEAR}{screen}{_CLEAR_BELOW}", nl=False)
            time.sleep(max(_WATCH_SECONDS, _WATCH_SHARE * (time.monotonic() - began)))
