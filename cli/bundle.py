"""`runstore bundle`: carry runs by hand, with proof; a module a command."""

from __future__ import annotations

import click

from runstore.cli.lazy import LazyGroup

COMMANDS = {
    "create": "bundle_create",
    "inspect": "bundle_inspect",
    "verify": "bundle_verify",
    "import": "bundle_import",
    "receipt": "bundle_receipt",
    "mirror": "bundle_mirrors",
    "keygen": "bundle_keys:keygen",
    "decrypt": "bundle_keys:decrypt",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Carry runs by hand from where there is no network, with proof of what arrived; docs/bundles.md tells how.

    A bundle is one file or several parts, each a compressed tar archive that `tar --zstd -tf` lists. KEY is a file of
    `runstore bundle keygen`. Needs the extra: pip install 'runstore[bundle]'.
    """
