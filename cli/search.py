"""`runstore search`."""

from __future__ import annotations

import re
import shutil
from itertools import islice
from typing import TYPE_CHECKING

import click

from runstore.cli.output import emit_json, warn
from runstore.cli.runs_common import json_option, open_api
from runstore.cli.table import printable
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.query.search import Hit


@click.command()
@click.argument("text")
@click.option("--regex", is_flag=True, help="TEXT is a regular expression.")
@click.option("--case", is_flag=True, help="Tell upper from lower case.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="Stop after so many places.")
@json_option
@click.pass_context
def command(context: click.Context, text: str, regex: bool, case: bool, limit: int, as_json: bool) -> None:
    """Find TEXT in names, notes, tags, config and console output of all runs, and show where. Exit code 1 if nowhere.

    Example: runstore search "CUDA out of memory"
    """
    from runstore.query.search import pattern_of

    try:
        pattern = pattern_of(text, regex=regex, case=case)
    except re.error as error:
        raise UsageError(f"{text!r} is no regular expression: {error}") from error
    hits = list(islice(open_api().search(pattern, None if regex else text), limit + 1))
    if as_json:
        emit_json([hit.as_json() for hit in hits[:limit]])
    else:
        width = shutil.get_terminal_size().columns
        for hit in hits[:limit]:
            click.echo(_line(hit, width))
    if len(hits) > limit:
        warn(f"these are the first {limit:,} places; for more: --limit")
    if not hits:
        warn(f"{text!r} is nowhere in names, notes, tags, config and console output")
    context.exit(0 if hits else 1)


def _line(hit: Hit, width: int) -> str:
    """Return a hit for people: the run, the place, and as much of the text around the first match as fits."""
    place = f"{hit.field}:{hit.line}" if hit.line else hit.field
    front = printable(f"{'/'.join(part for part in hit.run if part)}  {place}  ")
    room = max(40, width - len(front))
    first = hit.spans[0][0] if hit.spans else 0
    start = max(0, min(first - room // 3, len(hit.text) - room))
    text, at = ("..." if start else ""), start
    for begin, end in hit.spans:
        if begin >= start + room:
            break
        text += printable(hit.text[at:begin]) + click.style(printable(hit.text[begin:end]), bold=True, fg="red")
        at = end
    text += printable(hit.text[at : max(at, start + room)])
    return front + text + ("..." if len(hit.text) > start + room else "")
