"""`runstore bundle mirror`: the folders whose bundles the daemon imports."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.bundle_common import into_option, key_option, place_of, sign_receipts_option, trust, trust_option
from runstore.cli.daemon_common import reload_if_running
from runstore.cli.output import emit_json, emit_table, warn
from runstore.cli.runs_common import json_option
from runstore.errors import NotFound, UsageError

if TYPE_CHECKING:
    from runstore.syncd.configuration import Configuration
    from runstore.syncd.mirrored import MirroredFolder

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def command() -> None:
    """Name folders that others fill with bundles: the daemon imports what appears there, and leaves receipts."""


@command.command("add")
@_folder
@into_option
@trust_option
@key_option
@sign_receipts_option
def add(folder: Path, into: str | None, trusted: tuple[Path, ...], key: Path | None, sign: Path | None) -> None:
    """Have the daemon import the bundles that appear in DIR, from now on, also after it was started anew.

    DIR need not be there yet, as where a stick is put in. A folder of runs that the daemon doesn't watch is watched
    from then on, to be indexed; nothing of it is delivered unless `runstore daemon watch` says where to. In place of
    what was said of DIR before. `runstore status` shows what came, and what was refused. Safe to repeat.

    Example: runstore bundle mirror add /transfer/in --trust cluster.pub --sign lab.key
    """
    from runstore.syncd import configuration

    mirror = _mirror(folder, into, trusted, key, sign)
    kept = configuration.change(lambda kept: _with_root(kept.with_mirror(mirror), mirror))
    is_running = reload_if_running() is not None
    warn(f"bundles in {mirror.folder} are imported into {mirror.place}{'' if is_running else '; no daemon runs'}")
    root = kept.root_of(Path(mirror.into) / "run") if mirror.into else None
    if root is not None and root.remotes == ():
        warn(f"{root.path} is watched to be indexed; runstore daemon watch {root.path} --remote NAME delivers it")


@command.command("list")
@json_option
def list_mirrors(as_json: bool) -> None:
    """List these folders, and where what comes goes.

    Example: runstore bundle mirror list
    """
    from runstore.syncd import configuration

    mirrors = configuration.load().mirrors
    if as_json:
        emit_json([mirror.as_json() for mirror in mirrors])
        return
    rows = [(str(one.folder), one.place, ", ".join(map(_name, one.trust)) or "anybody") for one in mirrors]
    emit_table(rows, ("FOLDER", "INTO", "TRUSTS"))


@command.command("remove")
@_folder
def remove(folder: Path) -> None:
    """Import from DIR no longer. What came stays where it is.

    Example: runstore bundle mirror remove /transfer/in
    """
    from runstore.syncd import configuration

    path = folder.expanduser().absolute()

    def removed(kept: Configuration) -> Configuration:
        known = [str(one.folder) for one in kept.mirrors]
        if str(path) not in known:
            near = ", ".join(difflib.get_close_matches(str(path), known, 1) or known)
            raise NotFound(f"{path} is no folder that is imported from; {near + ' is' if near else 'there is none'}")
        return kept.without_mirror(path)

    configuration.change(removed)
    reload_if_running()


def _mirror(
    folder: Path, into: str | None, trusted: tuple[Path, ...], key: Path | None, sign: Path | None
) -> MirroredFolder:
    """Return what is to be kept; raises NotFound and UsageError for keys, for a hub, and for a folder of our own."""
    from runstore.syncd.bundles.keys import secret_key
    from runstore.syncd.mirrored import MirroredFolder
    from runstore.syncd.remotes.configured import load_remotes

    trust(trusted, key)  # says now what is wrong with them
    if sign is not None:
        secret_key(sign)
    place, hub = place_of(into)
    if hub:
        from runstore.syncd.bundles.relays import relay_folder

        relay_folder(hub)
    path = folder.expanduser().absolute()
    for name, remote in load_remotes().items():
        if remote.kind == "bundle" and Path(remote.url) == path:
            raise UsageError(f"{path}: {name} writes bundles there; they are to be imported elsewhere")
    return MirroredFolder(
        path,
        into="" if hub else str(place.expanduser().resolve()),
        hub=hub,
        trust=tuple(str(each.absolute()) for each in trusted),
        key=str(key.absolute()) if key else "",
        sign=str(sign.absolute()) if sign else "",
    )


def _with_root(kept: Configuration, mirror: MirroredFolder) -> Configuration:
    """Return it with the folder of runs watched, unless it lies below one that is."""
    from runstore.syncd.configuration import WatchedRoot

    if not mirror.into or kept.root_of(Path(mirror.into) / "run") is not None:
        return kept
    return kept.with_root(WatchedRoot(Path(mirror.into), remotes=()))


def _name(path: str) -> str:
    return Path(path).name
