"""`runstore daemon install` and `uninstall`."""

from __future__ import annotations

import contextlib

import click

from runstore.cli.daemon_common import with_something_to_watch
from runstore.cli.output import warn
from runstore.errors import DaemonError
from runstore.paths import home_folder


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Show what would be written, and do nothing.")
@click.option(
    "--kind", type=click.Choice(["systemd", "launchd", "cron"]), help="By default what this machine has, in this order."
)
def install(only_print: bool, kind: str | None) -> None:
    """Have the daemon started by the machine, now and whenever you log in: a systemd user unit or a launchd agent.

    Where there is neither, lines in your crontab start it at boot and look every five minutes whether it runs. It runs
    as you, with this Python and this RUNSTORE_HOME. One that runs is replaced. Safe to repeat.

    Example: runstore daemon install --print
    """
    from runstore.syncd import configuration, service, service_text

    wanted = service_text.Service.of_this_process()
    kind = kind or service.kind_here()
    if only_print:
        file = service.file_of(kind)
        warn(f"this would be {'in your crontab' if file is None else file}:")
        click.echo(service_text.text_of(kind, wanted), nl=False)
        for note in service_text.notes_on(kind, wanted):
            warn(note)
        return
    configuration.change(with_something_to_watch)
    done = service.install(kind, wanted, _end_one_that_runs)
    warn(f"the daemon is started by {kind}" + (f", as {done.file} says" if done.file else ", as your crontab says"))
    for note in done.notes:
        warn(note)


@click.command()
def uninstall() -> None:
    """Have the daemon not started by the machine any more. One that systemd or launchd started ends; runs are kept.

    Example: runstore daemon uninstall
    """
    from runstore.syncd import service

    found = service.uninstall()
    for one in found:
        warn(f"the daemon is no longer started by {one.kind}" + (f"; {one.file} is deleted" if one.file else ""))
    if not found:
        warn("nothing starts the daemon by itself; one that runs is ended by: runstore daemon stop")


def _end_one_that_runs() -> None:
    from runstore.syncd.control import ask

    with contextlib.suppress(DaemonError):  # none runs
        ask(home_folder(), "stop")
