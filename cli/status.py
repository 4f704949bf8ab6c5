"""`runstore status`: how far runs are, durable here, indexed, and proven to be where they go."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import emit_json
from runstore.cli.runs_common import complete_run
from runstore.cli.status_drawing import overview, story
from runstore.errors import DaemonError, NotFound, UsageError
from runstore.paths import default_root, home_folder, is_text

if TYPE_CHECKING:
    from runstore.index.indexer import Indexer
    from runstore.syncd.standing import RunStanding

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
    look = _Look(run)
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


class _Look:
    """A look at all runs, or at some, which can be repeated; the index stays open meanwhile."""

    def __init__(self, run: str | None) -> None:
        from runstore.index.indexer import Indexer

        self._run = run
        self._indexer = Indexer()
        self.is_one = run is not None and not Path(run).exists()

    def facts(self, every_run: bool = True) -> dict[str, Any]:
        """Return what `status --json` prints; without `every_run`, of a look at many, only the runs that wait."""
        from runstore.syncd import standing
        from runstore.syncd.fanout import FanOut
        from runstore.syncd.standings import Standings, live_logs

        daemon = _daemon()
        errors = _brought_up_to_date(self._indexer, daemon, self._places())
        fan_out = FanOut.load()
        found = Standings(self._indexer.connection, fan_out, dict(live_logs(daemon)))
        runs = self._wanted(found.logs)
        logs = [log for run in runs for log in run.logs]
        remotes = {remote["name"]: remote for remote in daemon.get("remotes", ())}
        held = standing.targets(logs)
        names = dict.fromkeys((*sorted(fan_out.policies), *held))
        return {
            "is_settled": not errors and all(run.is_settled for run in runs),
            "daemon": _about(daemon),
            "totals": standing.totals(logs),
            "targets": [_target(name, held.get(name, standing.NOTHING), remotes.get(name, {})) for name in names],
            "runs": [run.as_json(with_logs=self._run is not None) for run in runs if every_run or not run.is_settled],
            "errors": errors,
        }

    def _places(self) -> list[Path]:
        """Return the folders that are looked through besides those that are remembered."""
        asked_for = [] if self._run is None or self.is_one else [Path(self._run).resolve()]
        return [place for place in (default_root().resolve(), *asked_for) if place.exists() and is_text(place)]

    def _wanted(self, logs: Callable[..., Any]) -> list[RunStanding]:
        from runstore.syncd.standing import by_run
        from runstore.syncd.standings import below

        if self._run is None:
            return by_run(logs())
        if not self.is_one:
            runs = by_run(logs(below([Path(self._run)])))
            if not runs:
                raise NotFound(f"{self._run}: there is no run log at or below it")
            return runs
        from runstore.query.api import Api

        with contextlib.closing(Api(refresh=False)) as api:
            name = "/".join(api.run(self._run).path)
        return by_run(logs(run=name))


def _daemon() -> dict[str, Any]:
    """Return what the daemon says of itself and of the logs that it is at; only `note` where none can be asked."""
    from runstore.syncd.control import ask

    try:
        return ask(home_folder(), "status", logs="unsettled")
    except DaemonError as error:
        return {"note": str(error)}


def _brought_up_to_date(indexer: Indexer, daemon: dict[str, Any], places: list[Path]) -> dict[str, str]:
    """Let the index know of all that the daemon does not see to; return what can't be read, and why."""
    errors: dict[str, str] = daemon.get("errors", {})
    if "pid" not in daemon:
        failed = indexer.catch_up_known(*places)
        errors = {str(path): str(error) for path, error in failed.items() if not isinstance(error, NotFound)}
    else:
        for place in places:
            if not any(place.is_relative_to(root) for root in daemon["watching"]):
                indexer.catch_up_below(place)
    indexer.enter_deliveries()
    return errors


def _about(daemon: dict[str, Any]) -> dict[str, Any]:
    from runstore.core.times import iso

    if "pid" not in daemon:
        return {"pid": None, "started_at": None, "watching": [], "note": daemon["note"]}
    return {
        "pid": daemon["pid"],
        "started_at": iso(daemon["started_at"]),
        "watching": daemon["watching"],
        "note": "; ".join([*daemon.get("problems", ()), *_troubles(daemon.get("roots", ()))]),
    }


def _troubles(roots: Any) -> Iterator[str]:
    for root in roots:
        if root["problem"]:
            yield f"{root['path']}: {root['problem']}"


def _target(name: str, held: dict[str, Any], remote: dict[str, Any]) -> dict[str, Any]:
    """Return how a target is: what it holds by its proofs, and what the daemon is at with it."""
    return {
        "name": name,
        **held,
        "state": remote.get("state"),
        "last_error": remote.get("last_error") or held["last_error"],
        "retry_in": remote.get("retry_in"),
    }
