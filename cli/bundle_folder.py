"""A folder for bundles as a remote: how it is added, and what `runstore sync` writes there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.bundle_common import bytes_given, progress_bar
from runstore.cli.output import emit_json, size, warn

if TYPE_CHECKING:
    from runstore.index.indexer import Indexer
    from runstore.syncd.bundles.outbox import Round
    from runstore.syncd.delivery import Ready
    from runstore.syncd.remotes.bundle import BundleOptions

_key = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    click.option("--every", metavar="TIME", help="Of a folder for bundles: write one so often, by default 1h."),
    click.option(
        "--size",
        "most",
        callback=bytes_given,
        metavar="SIZE",
        help="Likewise: or as soon as so much is new; by default 4G.",
    ),
    click.option("--one-way", is_flag=True, help="Likewise: no receipts come back; each bundle holds everything."),
    click.option("--sign", type=_key, metavar="KEY", help="Likewise: sign with this secret key."),
    click.option("--recipient", "recipients", multiple=True, type=_key, metavar="KEY", help="Likewise: encrypt."),
    click.option("--trust", "trusted", multiple=True, type=_key, metavar="KEY", help="Likewise: whose receipts count."),
)


def bundle_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says how bundles are written."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def options_of(given: dict[str, Any]) -> BundleOptions | None:
    """Return what was given; None where nothing was. Raises UsageError."""
    from runstore.syncd.remotes.bundle import BundleOptions, checked_size, parse_every

    if not any(given.values()):
        return None
    plain = BundleOptions()
    return BundleOptions(
        every_seconds=parse_every(given["every"]) if given["every"] else plain.every_seconds,
        size=checked_size(given["most"]) if given["most"] else plain.size,
        one_way=given["one_way"],
        sign=str(given["sign"].absolute()) if given["sign"] else "",
        recipients=tuple(str(path.absolute()) for path in given["recipients"]),
        trust=tuple(str(path.absolute()) for path in given["trusted"]),
    )


def bundles_as_json(options: BundleOptions) -> dict[str, Any]:
    """Return the options as `remote list --json` has them."""
    return {
        "every_seconds": options.every_seconds,
        "size": options.size,
        "one_way": options.one_way,
        "sign": options.sign,
        "recipients": list(options.recipients),
        "trust": list(options.trust),
    }


def sync_to_folder(name: str, logs: Iterable[Path], *, as_json: bool, quiet: bool) -> int:
    """Take the receipts in that lie in a folder, and write a bundle of what is new in these logs; return the exit code.

    Raises StorageError where the folder is not there.
    """
    from runstore.index.indexer import Indexer
    from runstore.syncd.bandwidth import Bandwidth
    from runstore.syncd.bundles.outbox import Outbox
    from runstore.syncd.remotes.configured import find_remote

    remote = find_remote(name)
    with contextlib.closing(Indexer()) as indexer:
        ready = _ready(indexer, logs)
        outbox = Outbox(name, Path(remote.url), remote.bundles)
        with progress_bar(sum(what.end for what in ready), "writing", quiet=quiet or as_json) as bar:
            pace = Bandwidth(remote.policy.bytes_per_second).wait
            done = outbox.work(ready, time.time(), is_asked=True, progress=bar.update, pace=pace)
        indexer.enter_deliveries(*(what.log for what, *_ in done.proven))
    is_expected = not remote.bundles.one_way
    waiting = sum(outbox.awaited(what) > _proven(outbox.proven(what)) for what in ready) if is_expected else 0
    _say(name, done, waiting, as_json=as_json)
    return 1 if done.notes else 0


def _proven(receipt: Any) -> int:
    return 0 if receipt is None else int(receipt.size)


def _ready(indexer: Indexer, logs: Iterable[Path]) -> list[Ready]:
    from runstore.syncd.delivery import ready

    there = [log for log in logs if os.path.exists(log)]
    failed = indexer.catch_up_all(there)
    for path, error in failed.items():
        warn(f"{path}: {error}")
    for folder in {log.resolve().parent.parent for log in there}:
        indexer.add_root(folder)
    return [what for log in there if (what := ready(indexer, log)) is not None]


def _say(name: str, done: Round, waiting: int, *, as_json: bool) -> None:
    created = done.created
    if as_json:
        emit_json(
            {
                "remote": name,
                "bundle": created.bundle if created else None,
                "parts": [str(path) for path in created.parts] if created else [],
                "bytes": created.bytes if created else 0,
                "logs_proven": len(done.proven),
                "logs_waiting": waiting,
                "notes": done.notes,
            }
        )
        return
    if done.proven:
        click.echo(f"{name}: receipts prove {len(done.proven):,} logs")
    if created:
        parts = ", ".join(path.name for path in created.parts)
        click.echo(f"{name}: bundle {created.bundle[:12]} was written, {size(created.bytes)}: {parts}")
    else:
        click.echo(f"{name}: nothing new to write")
    if waiting:
        click.echo(f"{name}: {waiting:,} logs are waiting for a receipt")
    for note in done.notes:
        warn(note)
