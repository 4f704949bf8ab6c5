"""`runstore sql`: ask the index in SQL, every point included."""

from __future__ import annotations

import csv
import signal
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
import orjson

from runstore.cli.output import emit_table, short
from runstore.cli.runs_common import csv_option, json_option
from runstore.core.json_names import named
from runstore.errors import NotFound, RunstoreError, UsageError

if TYPE_CHECKING:
    from runstore.query.sql.connecting import SqlConnection

_LOOK_EVERY = 100_000  # instructions of SQLite between two looks for Ctrl-C: about a millisecond


@click.command()
@click.argument("query")
@json_option
@csv_option
def command(query: str, as_json: bool, as_csv: bool) -> None:
    """Answer a QUERY in SQL, or the one on stdin where it is -. Reads only; the index is brought up to date first.

    Runs and their points are views: runs, config, summary, points, history, system_metrics, console, files, artifacts,
    artifact_entries, alerts, logs; docs/reading.md shows their columns. The tables behind them are in the schema main.

    Example: runstore sql "select run, min(value) from points where key = 'loss' group by run"
    """
    from runstore.query.sql.connecting import connect

    text = sys.stdin.read() if query == "-" else query
    connection = connect()
    connection.set_authorizer(_allowed)
    stop = _Stop(connection)
    try:
        columns, rows = _answer(connection, text, stop)
        if as_json:
            _print_json(columns, rows)
        elif as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerows(chain([columns], rows))
        else:
            emit_table([[_cell(value) for value in row] for row in rows], columns)
    finally:
        stop.restore()
        connection.close()


def _allowed(action: int, *_: str | None) -> int:
    """Refuse other files, which SQLite would make where they are not: even an index that is only read may attach."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


class _Stop:
    """Ctrl-C: SQLite asks now and then whether it was pressed, since Python can't interrupt it."""

    def __init__(self, connection: SqlConnection) -> None:
        self.pressed = False
        self._before = signal.signal(signal.SIGINT, self._press)
        connection.set_progress_handler(lambda: self.pressed, _LOOK_EVERY)

    def _press(self, *_: Any) -> None:
        self.pressed = True

    def restore(self) -> None:
        """Leave Ctrl-C as it was."""
        signal.signal(signal.SIGINT, self._before)


def _answer(connection: SqlConnection, query: str, stop: _Stop) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """Return the names of the columns, each once, and the rows as they come."""
    try:
        cursor = connection.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(error, connection, stop) from error
    columns: list[str] = []
    for name, *_ in cursor.description or ():
        columns.append(name if name not in columns else f"{name}_{len(columns) + 1}")
    return columns, _rows(cursor, connection, stop)


def _rows(cursor: sqlite3.Cursor, connection: SqlConnection, stop: _Stop) -> Iterator[Sequence[Any]]:
    try:
        for row in cursor:
            if stop.pressed:
                raise click.Abort
            yield row
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(error, connection, stop) from error


def _explained(error: Exception, connection: SqlConnection, stop: _Stop) -> Exception:
    """Return what to say for an error of SQLite."""
    if stop.pressed:
        return click.Abort()
    if isinstance(connection.failure, RunstoreError):
        return connection.failure
    said = str(connection.failure or error)
    if "readonly" in said:
        return UsageError("the index can be read, not written: it follows from the logs alone")
    if said in ("not authorized", "authorization denied"):
        return UsageError("this command reads the index, and no other file")
    if "no such table" in said:
        from runstore.query.sql.views import VIEWS

        return NotFound(f"SQLite says: {said}; there are {', '.join(VIEWS)}")
    return UsageError(f"SQLite says: {said.rstrip('.')}; docs/reading.md shows the views and their columns")


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print an array of objects, a line each, as the rows come."""
    front, out = b"[\n", sys.stdout.buffer
    for row in rows:
        values = named(dict(zip(columns, map(_shown, row), strict=True)))
        out.write(front + orjson.dumps(values))
        front = b",\n"
    out.write(b"[]\n" if front == b"[\n" else b"\n]\n")


def _cell(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else short(_shown(value))


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
