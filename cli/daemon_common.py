"""What the commands of the daemon share: the folders and remotes that are given, and telling a daemon that runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.output import warn
from runstore.cli.remote_names import complete_target
from runstore.errors import DaemonError, NotFound, UsageError
from runstore.paths import default_root, home_folder, is_text

if TYPE_CHECKING:
    from runstore.syncd.configuration import Configuration, WatchedRoot

ignore_option = click.option(
    "--ignore",
    multiple=True,
    metavar="GLOB",
    help="What to pass over in these folders; may be repeated. '' for nothing.",
)


remote_option = click.option(
    "--remote",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_target,
    help="Where runs of these folders go; may be repeated. `all` (the default): all known; `none`: only index.",
)


def resolved(folders: tuple[Path, ...]) -> list[Path]:
    """Return the folders as they are to be kept; raises NotFound for one that is not there, and UsageError."""
    for folder in folders:
        if not folder.is_dir():
            raise NotFound(f"{folder}: there is no such folder; --watch takes one that holds runs, or will")
        if not is_text(folder.resolve()):
            raise UsageError(f"{folder}: a name in this path is not UTF-8, which the index can't hold")
    return [folder.resolve() for folder in folders]


def with_folders(
    kept: Configuration, folders: list[Path], ignore: tuple[str, ...], remotes: tuple[str, ...]
) -> Configuration:
    """Return it with these folders, of which what is not given stays as it was; raises NotFound and UsageError."""
    from runstore.syncd.configuration import WatchedRoot

    known = {root.path: root for root in kept.roots}
    for folder in folders:
        kept = kept.with_root(with_given(known.get(folder, WatchedRoot(folder)), ignore, remotes))
    return kept


def with_given(root: WatchedRoot, ignore: tuple[str, ...], remotes: tuple[str, ...]) -> WatchedRoot:
    """Return a folder with what is given of these; raises NotFound and UsageError."""
    if "" in ignore and len(ignore) > 1:
        raise UsageError("--ignore '' stands alone: it is for nothing to pass over any more")
    patterns = tuple(filter(None, ignore)) if ignore else root.ignore
    return replace(root, ignore=patterns, remotes=checked_remotes(remotes) if remotes else root.remotes)


def checked_remotes(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the remotes that are named, None for all of them; raises NotFound and UsageError."""
    from runstore.syncd.remotes.configured import RESERVED_NAMES, open_remote

    if len(names) > 1 and not set(names).isdisjoint(RESERVED_NAMES):
        raise UsageError(f"--remote {' --remote '.join(names)}: `all` and `none` stand alone")
    if names in ((), ("all",)):
        return None
    if names == ("none",):
        return ()
    for name in names:
        open_remote(name).close()  # says so now if it is not known
    return tuple(dict.fromkeys(names))


def with_something_to_watch(configuration: Configuration) -> Configuration:
    """Return it with ./wandb, and, where it has no folder at all, what the index was told of; raises NotFound."""
    from runstore.syncd.configuration import WatchedRoot

    if not configuration.roots:
        for root in _indexed_roots():
            configuration = configuration.with_root(WatchedRoot(root))
    here = default_root()
    if here.is_dir() and configuration.root_of(here.resolve()) is None:
        configuration = configuration.with_root(WatchedRoot(here.resolve()))
    if not (configuration.roots or configuration.mirrors):
        raise NotFound("there is nothing to watch: give a folder, runstore daemon start --watch DIR")
    return configuration


def reload_if_running() -> dict[str, Any] | None:
    """Let a daemon that runs read its configuration; return its answer, None where none runs."""
    from runstore.syncd.control import ask
    from runstore.syncd.lock import DaemonLock

    home = home_folder()
    if DaemonLock(home).is_free():
        return None
    try:
        answer = ask(home, "reload", seconds=20.0)
    except DaemonError as error:
        warn(f"the daemon was not told ({error}); it is, by: runstore daemon reload")
        return None
    for problem in answer["problems"]:
        warn(problem)
    return answer


def _indexed_roots() -> list[Path]:
    from runstore.index.indexer import Indexer

    indexer = Indexer()
    try:
        return [root for root in indexer.roots() if root.is_dir()]
    finally:
        indexer.close()
