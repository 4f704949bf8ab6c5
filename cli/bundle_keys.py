"""`runstore bundle keygen` and `decrypt`."""

from __future__ import annotations

from pathlib import Path

import click

from runstore.cli.bundle_common import key_path, progress_bar, quiet_option
from runstore.errors import UsageError


@click.command()
@click.argument("name")
@click.option(
    "--to", default=".", type=click.Path(path_type=Path, file_okay=False), help="The folder; by default this."
)
def keygen(name: str, to: Path) -> None:
    """Make a pair of keys: NAME.key, which is secret, signs and decrypts; NAME.pub is for everybody else.

    Never overwrites a key.

    Example: runstore bundle keygen cluster
    """
    from runstore.syncd.bundles.keys import make

    secret, public = make(to, name)
    click.echo(f"{secret}: keep it to yourself\n{public}: give it to those who are to trust, or to encrypt for, {name}")


@click.command()
@click.argument("part", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=key_path, metavar="KEY", help="The secret key that it was encrypted for.")
@click.option("--to", required=True, metavar="OUT", type=click.Path(path_type=Path), help="What is written.")
@quiet_option
def decrypt(part: Path, key: Path, to: Path, quiet: bool) -> None:
    """Write an encrypted part of a bundle as the plain archive that it was, for `tar --zstd -tf`.

    Leaves nothing where the key is wrong or the part was changed. Never overwrites a file.

    Example: runstore bundle decrypt runs.tar.zst.sealed --key lab.key --to runs.tar.zst
    """
    from runstore.syncd.bundles.keys import secret_key
    from runstore.syncd.bundles.sealed import decrypt as decrypted

    if to.exists():
        raise UsageError(f"{to}: is there already; give another name")
    with progress_bar(part.stat().st_size if part.is_file() else 0, "decrypting", quiet=quiet) as bar:
        decrypted(part, to, secret_key(key), bar.update)
    click.echo(f"{to}: decrypted")
