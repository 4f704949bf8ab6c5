"""`runstore artifact show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from runstore.cli.artifact_common import artifact_argument, open_registry
from runstore.cli.output import emit_json, emit_table, size
from runstore.cli.runs_common import json_option
from runstore.cli.table import printable

_SAID = ("name", "type", "aliases", "tags", "created_at", "updated_at", "digest", "run", "logged_as", "linked_to")
_OF_TEXTS = "\n\t"
STATES = {"here": "bytes here", "hub": "only at a hub", "lost": "LOST", "reference": "references"}


@click.command()
@artifact_argument
@click.option("--files", is_flag=True, help="List what is in it, and where each file is.")
@json_option
def command(name: str, files: bool, as_json: bool) -> None:
    """Show one version of an artifact: what it is, which runs logged and used it, and where its bytes are.

    Files of the right size count as here; `runstore artifact verify` reads them. The hubs that are set are asked for
    what is not here.

    Example: runstore artifact show digits:best --files
    """
    from runstore.query.artifacts.describing import described
    from runstore.query.artifacts.naming import version_named

    with open_registry() as known:
        found = described(known, version_named(known, name))
    if as_json:
        if not files:
            del found["entries"]
        emit_json(found)
        return
    _show(found)
    if files:
        _show_files(found["entries"])


def _show(found: Mapping[str, Any]) -> None:
    for key in _SAID:
        if key != "logged_as" or found["linked"]:
            _line(key.replace("_", " "), found[key])
    _line("used by", found["used_by"])
    if found["ttl_seconds"]:
        _line("kept for", f"{found['ttl_seconds']:,} s")
    _line("description", found["description"])
    for key, value in found["metadata"].items():
        _line(f"  {key}", value)
    for state, count in found["bytes"].items():
        _line(STATES[state], said(count))


def said(count: Mapping[str, int]) -> str:
    """Return how many files there are, and how large they are together."""
    return f"{count['count']:,} {'file' if count['count'] == 1 else 'files'}, {size(count['bytes'])}"


def _line(key: str, value: Any) -> None:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if value not in (None, ""):
        click.echo(printable(f"{key + ':':15}{value}", kept=_OF_TEXTS))


def _show_files(entries: Sequence[Mapping[str, Any]]) -> None:
    rows = [(each["path"], size(each["size"]), each["state"], each["ref"] or each["file"] or "") for each in entries]
    if rows:
        click.echo()
        emit_table(rows, ("PATH", "SIZE", "", "WHERE"))
