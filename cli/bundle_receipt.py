"""`runstore bundle receipt`."""

from __future__ import annotations

from pathlib import Path

import click

from runstore.cli.bundle_common import progress_bar, public_keys, quiet_option, trust_option
from runstore.cli.output import emit_json, warn
from runstore.cli.runs_common import json_option


@click.command()
@click.argument("receipts", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@trust_option
@json_option
@quiet_option
@click.pass_context
def command(
    context: click.Context, receipts: tuple[Path, ...], trusted: tuple[Path, ...], as_json: bool, quiet: bool
) -> None:
    """Take in receipts that came back: what they prove counts as delivered from then on.

    The bytes here are digested again, and compared with what arrived. Exit code 1 if something could not be marked.
    Safe to repeat.

    Example: runstore bundle receipt /media/stick/*.receipt.json
    """
    from runstore.index.indexer import Indexer
    from runstore.paths import default_root
    from runstore.syncd.bundles import receipt as arrived

    keys = public_keys(trusted)
    read = [arrived.read(path, keys) for path in receipts]
    indexer = Indexer()
    indexer.catch_up_known(default_root())

    def logs_with(log_id: str) -> list[Path]:
        found = indexer.connection.execute("SELECT path FROM logs WHERE log_id = ? ORDER BY path", (log_id,))
        return [Path(path) for (path,) in found]

    total = sum(log.mark.size for one, _ in read for run in one.content.runs for log in run.logs)
    marked = []
    with progress_bar(total, "reading", quiet=quiet or as_json) as bar:
        for one, by in read:
            marked.append(arrived.mark(one, logs_with, bar.update))
            marked[-1].signed_by = by
    indexer.enter_deliveries(*(path for each in marked for path in each.paths))
    indexer.close()
    if as_json:
        emit_json(
            [
                {
                    "bundle": each.receipt.bundle,
                    "importer": each.receipt.importer,
                    "signed_by": each.signed_by or None,
                    "delivered": sorted(each.delivered),
                    "logs": len(each.paths),
                    "notes": each.notes,
                }
                for each in marked
            ]
        )
    else:
        for each in marked:
            runs = len(each.receipt.content.runs)
            who = f"signed by {each.signed_by}" if each.signed_by else "says a receipt that nobody has signed"
            name, delivered = each.receipt.bundle[:12], len(each.delivered)
            click.echo(f"bundle {name}: {delivered:,} of {runs:,} runs are delivered, {who}")
            for note in each.notes:
                warn(note)
    context.exit(1 if any(each.notes for each in marked) else 0)
