"""`runstore bundle import --watch`: import what appears in a folder until somebody ends it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.output import size, warn
from runstore.errors import RunstoreError

if TYPE_CHECKING:
    from runstore.syncd.bundles.forwarding import Forwarding
    from runstore.syncd.bundles.keys import SecretKey
    from runstore.syncd.bundles.mirroring import Taken
    from runstore.syncd.bundles.opening import Trust

_LOOK_SECONDS = 2.0

watch_option = click.option(
    "--watch",
    "watched",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Import what appears there, and leave receipts, until Ctrl-C.",
)


def watch(
    folder: Path,
    into: Path,
    trust: Trust,
    key: SecretKey | None,
    forwarding: Forwarding | None,
    place: str,
    seconds: float = _LOOK_SECONDS,
) -> None:
    """Import from a folder again and again, and say what comes; returns at SIGTERM, raises KeyboardInterrupt at SIGINT.

    Trouble, such as a folder that is not mounted, is said once, and waited for.
    """
    from runstore.syncd.bundles.mirroring import Mirror

    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    mirror = Mirror(folder, into, trust, key, forwarding)
    click.echo(f"importing what appears in {folder} into {place}; Ctrl-C ends it")
    said = ""
    while not ending.is_set():
        try:
            _say(mirror.look())
            said = ""
        except RunstoreError as error:
            if str(error) != said:
                said = str(error)
                warn(said)
        ending.wait(seconds)


def _say(taken: Taken) -> None:
    for bundle, one in taken.bundles.items():
        runs = f"{len(one.done):,} of {len(one.content.runs):,} runs are here"
        click.echo(f"bundle {bundle[:12]}: {runs}; {size(one.new_bytes)} of logs and {one.new_files:,} files are new")
        for run, why in (*one.waiting.items(), *one.refused.items()):
            warn(f"{run}: {why}")
    for sentence in taken.errors.values():
        warn(sentence)
