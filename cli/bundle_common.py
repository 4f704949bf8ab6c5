"""What commands about bundles share: keys, progress, and how a bundle is described."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.remote_names import complete_remote
from runstore.paths import default_root

if TYPE_CHECKING:
    from runstore.syncd.bundles.keys import PublicKey
    from runstore.syncd.bundles.manifest import Content
    from runstore.syncd.bundles.opening import Trust

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)i?[bB]?")
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}

key_path = click.Path(path_type=Path, dir_okay=False)
trust_option = click.option(
    "--trust", "trusted", multiple=True, type=key_path, metavar="KEY", help="Only what this public key has signed."
)
into_option = click.option(
    "--into",
    metavar="DIR|REMOTE",
    help="A folder of runs, by default ./wandb, or a hub's name or URL.",
    shell_complete=complete_remote,
)
key_option = click.option("--key", type=key_path, metavar="KEY", help="The secret key that decrypts.")
sign_receipts_option = click.option(
    "--sign", type=key_path, metavar="KEY", help="Sign the receipts with this secret key."
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")
parts_argument = click.argument("parts", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))


def bytes_given(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Return the bytes that a size such as 4G means."""
    found = None if value is None else _SIZE.fullmatch(value.strip())
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no size; write one such as 700M or 4G")
    return found and int(float(found[1]) * _UNITS[found[2].lower()])


def place_of(into: str | None) -> tuple[Path, str]:
    """Return the folder to import into, and "", or the hub that is meant. A folder goes before a name."""
    if into is None:
        return default_root(), ""
    if "://" in into:
        return Path(), into
    from runstore.syncd.remotes.configured import load_remotes

    return (Path(into), "") if Path(into).exists() or into not in load_remotes() else (Path(), into)


def trust(trusted: Iterable[Path], key: Path | None) -> Trust:
    """Return whose bundles are taken, and what decrypts them; raises NotFound and UsageError."""
    from runstore.syncd.bundles.keys import secret_key
    from runstore.syncd.bundles.opening import Trust

    return Trust(public_keys(trusted), secret_key(key) if key is not None else None)


def public_keys(paths: Iterable[Path]) -> list[PublicKey]:
    """Return the keys in these files."""
    from runstore.syncd.bundles.keys import public_keys

    return [key for path in paths for key in public_keys(path)]


def progress_bar(total: int, label: str, *, quiet: bool) -> Any:
    """Return a bar of bytes on stderr, where that is a terminal."""
    hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(length=total, label=label, hidden=hidden, file=sys.stderr)


def size_of(paths: Iterable[Path]) -> int:
    """Return how many bytes there are in files, as far as they are there."""
    return sum(path.stat().st_size for path in paths if path.is_file())


def content_as_json(content: Content) -> list[dict[str, Any]]:
    """Return what a bundle holds of each run, as docs/cli.md describes it."""
    return [
        {
            "run": run.path,
            "logs": [
                {
                    "log_id": log.log_id,
                    "path": f"{log.folder}/{log.name}",
                    "start": log.before.size,
                    "end": log.mark.size,
                    "records": log.records,
                    "files": [
                        {"path": f"{file.folder}/{file.path}", "size": file.size, "sha256": file.sha256}
                        for file in log.files
                    ],
                }
                for log in run.logs
            ],
        }
        for run in content.runs
    ]


def content_rows(content: Content) -> list[tuple[str, str, int]]:
    """Return what leaves, or arrives, thing by thing: its kind, `run: name`, and bytes."""
    rows: list[tuple[str, str, int]] = []
    for run in content.runs:
        for log in run.logs:
            carried = log.mark.size - log.before.size
            part = f" from byte {log.before.size:,} on" if log.before.size else ""
            rows.append(("log", f"{run.path}: {log.folder}/{log.name}{part}", carried))
            rows += [(_kind(file.folder, file.path), f"{run.path}: {file.path}", file.size) for file in log.files]
    return rows


def _kind(folder: str, path: str) -> str:
    if folder == "blobs":
        return "artifact"
    return "media" if path.startswith("media/") else "file"
