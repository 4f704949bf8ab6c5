"""`runstore bundle verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.bundle_common import (
    key_option,
    parts_argument,
    progress_bar,
    quiet_option,
    size_of,
    trust,
    trust_option,
)
from runstore.cli.output import emit_json, warn
from runstore.cli.runs_common import json_option
from runstore.cli.table import printable

if TYPE_CHECKING:
    from runstore.syncd.bundles.verifying import Verification, Verified


@click.command()
@parts_argument
@trust_option
@key_option
@json_option
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    parts: tuple[Path, ...],
    trusted: tuple[Path, ...],
    key: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read bundles whole, and compare every byte with their manifests. Exit code 1 if something is wrong.

    Example: runstore bundle verify /media/stick/*.tar.zst --trust cluster.pub
    """
    from runstore.syncd.bundles.verifying import Verification

    with progress_bar(size_of(parts), "reading", quiet=quiet or as_json) as bar:
        verification = Verification(trust(trusted, key), bar.update)
        found = [verification.take(path) for path in parts]
    if as_json:
        emit_json([_as_json(one, verification) for one in found])
    else:
        for one in found:
            signed = f", signed by {one.signed_by.name}" if one.signed_by else ""
            click.echo(printable(f"WRONG {one.error}" if one.error else f"{one.path}: intact{signed}"))
        for manifest in {one.manifest.bundle: one.manifest for one in found if one.manifest}.values():
            missing = ", ".join(map(str, verification.missing(manifest)))
            if missing:
                warn(f"of the {manifest.parts:,} parts of bundle {manifest.bundle[:12]} these were not read: {missing}")
    context.exit(1 if any(one.error for one in found) else 0)


def _as_json(one: Verified, verification: Verification) -> dict[str, Any]:
    manifest = one.manifest
    return {
        "path": str(one.path),
        "intact": not one.error,
        "bundle": manifest and manifest.bundle,
        "part": manifest and manifest.part,
        "parts": manifest and manifest.parts,
        "missing_parts": verification.missing(manifest) if manifest else [],
        "signed_by": one.signed_by and one.signed_by.name,
        "error": one.error or None,
    }
