"""`runstore daemon watch` and `unwatch`: the folders, while it runs or not."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.daemon_common import ignore_option, reload_if_running, remote_option, resolved, with_folders
from runstore.cli.output import warn
from runstore.errors import NotFound

if TYPE_CHECKING:
    from runstore.syncd.configuration import Configuration


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@ignore_option
@remote_option
def watch(folders: tuple[Path, ...], ignore: tuple[str, ...], remote: tuple[str, ...]) -> None:
    """Watch these folders from now on, or, where they are watched, with other patterns or remotes from now on.

    What is not given stays as it is. A daemon that runs begins at once. Of nested folders the innermost says what is
    passed over and where runs go. Safe to repeat.

    Example: runstore daemon watch ~/experiments --ignore scratch --remote lab
    """
    from runstore.syncd import configuration

    given = resolved(folders)
    configuration.change(lambda kept: with_folders(kept, given, ignore, remote))
    _say(f"watching {', '.join(map(str, given))}", "it is watched once one is started")


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
def unwatch(folders: tuple[Path, ...]) -> None:
    """Watch these folders no longer. Their runs stay where they are, and in the index.

    Example: runstore daemon unwatch ~/experiments
    """
    from runstore.syncd import configuration

    def removed(kept: Configuration) -> Configuration:
        for folder in folders:
            path = folder.resolve()
            if path not in {root.path for root in kept.roots}:
                raise _unknown(path, kept)
            kept = kept.without_root(path)
        return kept

    configuration.change(removed)
    _say(f"no longer watching {', '.join(str(folder.resolve()) for folder in folders)}", "")


def _say(done: str, where_none_runs: str) -> None:
    if reload_if_running() is not None:
        warn(f"the daemon is {done}")
    else:
        warn(f"{done}; no daemon runs" + (f": {where_none_runs}" if where_none_runs else ""))


def _unknown(path: Path, kept: Configuration) -> NotFound:
    watched = [str(root.path) for root in kept.roots]
    near = difflib.get_close_matches(str(path), watched, 1) or watched
    return NotFound(f"{path} is not watched; {', '.join(near) + ' is' if near else 'nothing is'}")
