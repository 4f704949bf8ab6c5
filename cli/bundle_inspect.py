"""`runstore bundle inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from runstore.cli.bundle_common import content_as_json, content_rows, key_option, parts_argument
from runstore.cli.output import emit_json, emit_table, size
from runstore.cli.runs_common import json_option


@click.command()
@parts_argument
@key_option
@json_option
def command(parts: tuple[Path, ...], key: Path | None, as_json: bool) -> None:
    """Say what is in bundles, from their manifests alone; the content is not read, and nothing is checked against it.

    Example: runstore bundle inspect /media/stick/runstore-*.tar.zst
    """
    from runstore.cli.bundle_common import trust
    from runstore.syncd.bundles.keys import signer
    from runstore.syncd.bundles.manifest import described
    from runstore.syncd.bundles.opening import opened_part

    secret = trust((), key).secret
    found = []
    for path in parts:
        with opened_part(path, secret) as part:
            manifest, content = part.manifest, part.manifest.content
            by = signer(part.encoded, part.signature).hex() if part.signature is not None else None
        found.append(
            {
                "path": str(path),
                "bundle": manifest.bundle,
                "part": manifest.part,
                "parts": manifest.parts,
                "previous": content.previous or None,
                "partial": content.partial or None,
                "signed_by": by,
                "runs": content_as_json(content),
            }
        )
        if not as_json:
            signed = f"signed by {by}" if by else "not signed"
            click.echo(f"{path}: part {manifest.part} of {manifest.parts} of bundle {manifest.bundle[:12]}, {signed}")
            click.echo(
                f"  {described(content.runs)}" + (f"; goes on from {content.previous[:12]}" * bool(content.previous))
            )
            emit_table(
                [(kind, size(count), what) for kind, what, count in content_rows(content)], ("KIND", "SIZE", "WHAT")
            )
    if as_json:
        emit_json(found)
