"""`runstore bundle create`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.bundle_carried import carried, leaving_options
from runstore.cli.bundle_common import (
    bytes_given,
    content_as_json,
    content_rows,
    key_path,
    progress_bar,
    public_keys,
    quiet_option,
)
from runstore.cli.output import emit_json, emit_table, size, warn
from runstore.cli.runs_common import complete_filter, json_option
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.syncd.bundles.gathering import Gathered
    from runstore.syncd.delivery import Ready


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN|FILTER]...", shell_complete=complete_filter)
@click.option("--to", required=True, metavar="FILE|DIR", type=click.Path(path_type=Path), help="Where it is written.")
@click.option("--since-receipt", is_flag=True, help="Only what no receipt that came back covers.")
@click.option("--for", "importer", metavar="ID", help="Only receipts of this importer count, by how its id begins.")
@click.option(
    "--split", callback=bytes_given, metavar="SIZE", help="No part larger than this, such as 4G for a stick with FAT."
)
@click.option("--sign", type=key_path, metavar="KEY", help="Sign it with this secret key.")
@click.option(
    "--recipient", "recipients", multiple=True, type=key_path, metavar="KEY", help="Encrypt it for this public key."
)
@leaving_options
@click.option("--dry-run", is_flag=True, help="Say how much it would be; write nothing.")
@click.option("--list", "is_listing", is_flag=True, help="List all that leaves, for who has to approve it.")
@json_option
@quiet_option
def command(
    runs: tuple[str, ...],
    to: Path,
    since_receipt: bool,
    importer: str | None,
    split: int | None,
    sign: Path | None,
    recipients: tuple[Path, ...],
    no_media: bool,
    redacted: tuple[str, ...],
    if_found: str,
    dry_run: bool,
    is_listing: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write runs to a bundle: whole records of their logs, and the files and artifacts beside them.

    Each RUN is an id, a name or entity/project/id, each FILTER as docs/filters.md describes them; without any, all runs
    that are known or below ./wandb. The same runs give the same bytes. Safe to interrupt: nothing is left
    that is not whole.

    With --no-media or --redact, of runs that are over: copies of their logs are carried, less config.GLOB (values of
    config keys), env, host, user, git, code, console or text:WORD. What arrives of these never counts as delivered.
    Files are not rewritten: where one still holds such a word, nothing is written, unless --if-found says otherwise.

    Example: runstore bundle create 'project:demo' --to /media/stick --since-receipt
    """
    from runstore.syncd.bundles.creating import How, create
    from runstore.syncd.bundles.keys import secret_key

    if importer is not None and not since_receipt:
        raise UsageError("--for says whose receipts count for --since-receipt; give both")
    how = How(split, secret_key(sign) if sign else None, public_keys(recipients))
    since = (importer or "") if since_receipt else None
    if dry_run and if_found == "refuse":
        if_found = "allow"  # nothing leaves: all that would be refused is told
    leaving = carried(
        _ready(runs), since=since, redacted=redacted, no_media=no_media, if_found=if_found, quiet=quiet or as_json
    )
    with leaving as gathered:
        for note in gathered.notes:
            warn(note)
        if is_listing and not as_json:
            emit_table([(kind, size(count), what) for kind, what, count in content_rows(gathered.content)], _HEADERS)
        if dry_run or not gathered.runs:
            _say(gathered, [], 0, as_json=as_json, dry_run=dry_run)
            return
        with progress_bar(gathered.log_bytes + gathered.file_bytes, "writing", quiet=quiet or as_json) as bar:
            created = create(gathered, to, how, bar.update)
    _say(gathered, created.parts, created.bytes, as_json=as_json, dry_run=False)


_HEADERS = ("KIND", "SIZE", "WHAT")


def _ready(asked: tuple[str, ...]) -> list[Ready]:
    """Return all logs of the runs that are meant, edits of them too."""
    from runstore.cli.runs_common import open_api, runs_asked_for
    from runstore.index.indexer import Indexer
    from runstore.syncd.delivery import logs_of_run, ready

    api = open_api()
    chosen = runs_asked_for(api, asked)
    indexer = Indexer()
    found: dict[Path, Ready] = {}
    for run in chosen:
        for log in map(Path, run.logs):
            what = ready(indexer, log)
            if what is not None and log not in found:
                beside = [one for path in logs_of_run(indexer, what) if (one := ready(indexer, path)) is not None]
                found.update((one.log, one) for one in [what, *beside])
    api.close()
    indexer.close()
    if not found:
        raise UsageError("no run is known; give the folder that holds some first: runstore runs list PATH")
    return list(found.values())


def _say(gathered: Gathered, parts: list[Path], written: int, *, as_json: bool, dry_run: bool) -> None:
    content = gathered.content
    if as_json:
        emit_json(
            {
                "bundle": content.id if gathered.runs else None,
                "previous": content.previous or None,
                "partial": content.partial or None,
                "parts": [str(path) for path in parts],
                "bytes": written,
                "log_bytes": gathered.log_bytes,
                "file_bytes": gathered.file_bytes,
                "runs": content_as_json(content),
                "notes": gathered.notes,
            }
        )
        return
    if not gathered.runs:
        click.echo("nothing to carry: receipts cover all of it")
        return
    files = sum(len(log.files) for run in content.runs for log in run.logs)
    beside = f"{files:,} files in {size(gathered.file_bytes)}"
    what = f"{len(content.runs):,} runs: {size(gathered.log_bytes)} of logs, {beside}"
    if dry_run:
        click.echo(f"it would hold {what}; nothing was written")
    else:
        if content.partial:
            what += f"; {content.partial}"
        click.echo(
            f"bundle {content.id[:12]} holds {what}; {size(written)} in {len(parts)} part{'s' * (len(parts) > 1)}:"
        )
        for path in parts:
            click.echo(f"  {path}")
