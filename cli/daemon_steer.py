"""`runstore daemon pause`, `resume`, `reload` and `metrics`."""

from __future__ import annotations

import click

from runstore.cli.output import warn
from runstore.cli.remote_names import complete_target
from runstore.errors import DaemonError, NotFound
from runstore.paths import home_folder

_remote = click.argument("remote", required=False, shell_complete=complete_target)


@click.command()
@_remote
def pause(remote: str | None) -> None:
    """Deliver nothing to REMOTE, or to none at all, until `runstore daemon resume`. Runs are indexed all the same.

    What is under way is broken off and goes on there later. It stays so over a restart. Safe to repeat.

    Example: runstore daemon pause lab
    """
    names = _told("pause", remote)
    warn(f"paused: {', '.join(names)}; runs are indexed all the same. To go on: runstore daemon resume")


@click.command()
@_remote
def resume(remote: str | None) -> None:
    """Deliver to REMOTE, or to all, again. Tries at once what failed before. Safe to repeat.

    Example: runstore daemon resume lab
    """
    warn(f"resumed: {', '.join(_told('resume', remote))}")


@click.command()
def reload() -> None:
    """Have the daemon read its settings and the remotes again, and try at once what failed before.

    Commands that change these do so themselves; it is for files that were changed by hand. SIGHUP does the same.

    Example: runstore daemon reload
    """
    from runstore.syncd.control import ask

    answer = ask(home_folder(), "reload", seconds=20.0)
    when = "the daemon goes on by them" if answer["reloaded"] else "the daemon is busy, and will go on by them soon"
    warn(f"{when}: watching {', '.join(answer['watching'])}; delivering to {', '.join(answer['targets']) or 'nobody'}")
    for problem in answer["problems"]:
        warn(problem)


@click.command()
def metrics() -> None:
    """Print the daemon's figures as Prometheus reads them, for its textfile collector.

    For a port that Prometheus asks by itself: runstore daemon start --metrics-port N.

    Example: runstore daemon metrics
    """
    from runstore.syncd.control import ask

    click.echo(ask(home_folder(), "metrics")["text"], nl=False)


def _told(what: str, remote: str | None) -> list[str]:
    """Have the daemon pause or resume, or, where none runs, the next one; return the names of the remotes."""
    from runstore.syncd import configuration
    from runstore.syncd.control import ask
    from runstore.syncd.fanout import FanOut
    from runstore.syncd.lock import DaemonLock

    home = home_folder()
    if not DaemonLock(home).is_free():
        names: list[str] = ask(home, what, remote=remote)[f"{what.removesuffix('e')}ed"]
        return names
    known = sorted(FanOut.load().policies)
    if remote is not None and remote not in known:
        raise NotFound(f"there is no remote {remote!r}; there is {', '.join(known) or 'none'}")
    if not known:
        raise DaemonError("no remote is known: runstore remote add NAME URL --token T")
    names = known if remote is None else [remote]
    configuration.change(lambda kept: kept.with_paused(names) if what == "pause" else kept.with_resumed(names))
    return names
