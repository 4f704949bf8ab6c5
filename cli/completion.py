"""`runstore completion`: what a shell needs to complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL.

    Example: eval "$(runstore completion bash)"
    """
    from runstore.cli.bash_completion import use_whole_words
    from runstore.cli.main import cli

    use_whole_words()
    script = get_completion_class(shell)
    assert script is not None  # click has these three
    click.echo(script(cli, {}, "runstore", "_RUNSTORE_COMPLETE").source())
