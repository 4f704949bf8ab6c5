"""How commands show things: tables for people, JSON and CSV for programs, one sentence for an error."""

from __future__ import annotations

import csv
import gc
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import orjson

from runstore.cli.table import aligned, printable
from runstore.core.json_names import named

_OF_SENTENCES = "\n\t"  # a filter is shown in lines of its own, with a mark below the place that is wrong


def emit_json(value: Any) -> None:
    """Print one JSON value, indented, as UTF-8; NaN and the infinities by name."""
    try:
        text = orjson.dumps(named(value), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a path that is no text: JSON has escapes for its bytes
        text = json.dumps(named(value), indent=2).encode()
    click.echo(text)


def emit_csv(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV with a header line, values as in exported files; what a row lacks is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        return orjson.dumps(named(value), option=orjson.OPT_NON_STR_KEYS).decode()
    return named(value)


def emit_table(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> None:
    """Print an aligned table."""
    click.echo(aligned(rows, headers))


def short(value: Any) -> str:
    """Return a value in as few characters as tell it apart in a table."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."


@contextmanager
def not_collecting_garbage() -> Iterator[None]:
    """Make many objects that live until the command ends: looking for garbage among them takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def size(count: int) -> str:
    """Return a number of bytes for people: `1.4 MB`."""
    for unit, limit in (("B", 1e3), ("kB", 1e6), ("MB", 1e9)):
        if count < limit:
            return f"{count} B" if unit == "B" else f"{count / (limit / 1e3):.1f} {unit}"
    return f"{count / 1e9:.1f} GB"


def warn(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(f"runstore: {printable(text, kept=_OF_SENTENCES)}", err=True)
