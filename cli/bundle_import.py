"""`runstore bundle import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.bundle_common import (
    into_option,
    key_option,
    place_of,
    progress_bar,
    quiet_option,
    sign_receipts_option,
    size_of,
    trust,
    trust_option,
)
from runstore.cli.bundle_mirror import watch, watch_option
from runstore.cli.output import emit_json, size, warn
from runstore.cli.runs_common import json_option
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.syncd.bundles.forwarding import Forwarding
    from runstore.syncd.bundles.importing import Import, Imported


@click.command("import")
@click.argument("parts", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@watch_option
@into_option
@trust_option
@key_option
@sign_receipts_option
@click.option(
    "--receipts-to", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Not beside FILEs."
)
@json_option
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    parts: tuple[Path, ...],
    watched: Path | None,
    into: str | None,
    trusted: tuple[Path, ...],
    key: Path | None,
    sign: Path | None,
    receipts_to: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Take bundles in: in any order, any number of times; each run entirely or not at all.

    Writes run directories into a folder, and beside the FILEs a receipt, to be carried back. Exit code 1 if something
    was refused; what only waits for other parts is kept, and said. Into a hub, receipts say only what that has proven
    to hold; on its way there, what came stays in a folder under RUNSTORE_HOME. With --watch, goes on until Ctrl-C.

    Example: runstore bundle import /media/stick/*.tar.zst --trust cluster.pub
    """
    from runstore.syncd.bundles.importing import Import
    from runstore.syncd.bundles.keys import secret_key

    folder, hub = place_of(into)
    forwarding = _forwarding(hub)
    folder = forwarding.folder if forwarding else folder
    key_to_sign = secret_key(sign) if sign else None
    if watched is not None and not (parts or receipts_to or as_json):
        watch(watched, folder, trust(trusted, key), key_to_sign, forwarding, hub or str(folder))
        return
    if watched is not None or not parts:
        raise UsageError("give FILEs, or --watch DIR alone: receipts lie in DIR then, and nothing is printed as JSON")
    with (
        progress_bar(size_of(parts), "importing", quiet=quiet or as_json) as bar,
        Import(folder, trust(trusted, key), bar.update) as importing,
    ):
        importing.take(parts)
        if forwarding:
            forwarding.forward(importing)
        receipts = importing.write_receipts(receipts_to, key_to_sign)
        if forwarding:
            forwarding.clean()
        _say(importing, hub or str(folder), receipts, as_json=as_json)
    refused = importing.errors or any(one.refused for one in importing.bundles.values())
    context.exit(1 if refused else 0)


def _forwarding(hub: str) -> Forwarding | None:
    if not hub:
        return None
    from runstore.syncd.bundles.forwarding import Forwarding

    return Forwarding(hub)


def _say(importing: Import, place: str, receipts: dict[str, Path], *, as_json: bool) -> None:
    if as_json:
        bundles = [_as_json(one, receipts) for one in importing.bundles.values()]
        errors = {str(path): sentence for path, sentence in importing.errors.items()}
        emit_json({"into": place, "importer": importing.importer, "bundles": bundles, "errors": errors})
        return
    for one in importing.bundles.values():
        name = one.content.id[:12]
        new = f"{size(one.new_bytes)} of logs and {one.new_files:,} files are new"
        click.echo(f"bundle {name}: {len(one.done):,} of {len(one.content.runs):,} runs are in {place}; {new}")
        if one.content.id in receipts:
            click.echo(f"  carry back {receipts[one.content.id]}")
        for run, why in one.waiting.items():
            warn(f"{run} waits for {why}")
        for run, why in one.refused.items():
            warn(f"{run}: {why}")
    for sentence in importing.errors.values():
        warn(sentence)


def _as_json(one: Imported, receipts: dict[str, Path]) -> dict[str, Any]:
    name = one.content.id
    return {
        "bundle": name,
        "parts": one.parts,
        "signed_by": one.signed_by and one.signed_by.name,
        "done": [run.path for run in one.done],
        "waiting": one.waiting,
        "refused": one.refused,
        "new_bytes": one.new_bytes,
        "new_files": one.new_files,
        "receipt": str(receipts[name]) if name in receipts else None,
    }
