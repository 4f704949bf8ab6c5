"""`runstore daemon logs`."""

from __future__ import annotations

import click

from runstore.cli.output import warn
from runstore.paths import home_folder


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option("-n", "--lines", default=20, show_default=True, type=click.IntRange(0), help="How many of the last.")
def command(follow: bool, lines: int) -> None:
    """Show the last messages of the daemon, whether it runs or not.

    Example: runstore daemon logs -f
    """
    from runstore.syncd import messages

    path = home_folder() / "daemon.log"
    found = messages.last_lines(path, lines)
    for line in found:
        click.echo(line)
    if not found and lines and not follow:
        warn(f"there are no messages in {path}: no daemon has run yet")
    if follow:
        try:
            for line in messages.follow(path):
                click.echo(line)
        except KeyboardInterrupt:
            pass
