"""What a run printed, by ranges of lines: a console may have millions, and nobody looks at all of them.

Each log of a run has lines of its own, counted from 0. The line that a program has not ended yet is none of them: it
is in the state that the indexer keeps of the log, and may still change.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runstore.core.terminal import TerminalLine
from runstore.errors import NotFound
from runstore.index.pieces import pieces_of
from runstore.query.search import over_lines, pattern_of

# An answer ends with the line that reaches this: lines may be 100,000 characters long.
_MOST_CHARACTERS = 1_000_000
_LINES_AT_ONCE = 500
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,99}[ -/]{0,9}[@-~]")


class OpenLine(NamedTuple):
    """A line that was not ended yet, as it stands."""

    stream: str
    text: str


@dataclass(frozen=True)
class ConsoleLog:
    """What one log of a run has of the console: `count` lines that were ended, and those that were not."""

    log: int
    path: str
    kind: str
    started_at: float
    count: int
    open: list[OpenLine]


class Line(NamedTuple):
    """One line that was ended, with the colours that were written into it; `time` in seconds since the epoch."""

    stream: str
    time: float
    text: str


class Found(NamedTuple):
    """Where a pattern is: pairs of log and line, in order, as many as were asked for; `total` counts all."""

    places: list[tuple[int, int]]
    total: int


def console_logs(connection: sqlite3.Connection, run: int) -> list[ConsoleLog]:
    """Return how much of the console each log of a run has, in the order in which they were begun; of copies one."""
    return [_console_log(connection, piece.log) for piece in pieces_of(connection, run)]


def console_lines(connection: sqlite3.Connection, run: int, log: int, first: int, count: int) -> list[Line]:
    """Return lines of a log of a run, from line `first` on: at most `count`, and fewer where they are long.

    At least one where there is any. Raises NotFound for a log that is not the run's.
    """
    if not connection.execute("SELECT 1 FROM logs WHERE id = ? AND run = ?", (log, run)).fetchone():
        raise NotFound(f"run {run} has no log {log} any more")
    found = connection.execute(
        "SELECT stream, time, text FROM console WHERE log = ? AND line >= ? ORDER BY line LIMIT ?", (log, first, count)
    )
    lines: list[Line] = []
    room = _MOST_CHARACTERS
    for row in found:
        lines.append(Line(*row))
        room -= len(lines[-1].text)
        if room <= 0:
            break
    return lines


def find_in_console(
    connection: sqlite3.Connection, run: int, text: str, *, regex: bool = False, case: bool = False, most: int = 10_000
) -> Found:
    """Return the lines in which a text is found, or a regular expression; colours in between don't matter.

    Scans the run's console: of 1 million lines 0.4 s for a text, 1.2 s for an expression, 1.5 s where all have
    colours. Raises re.error.
    """
    pattern = pattern_of(text, regex=regex, case=case)
    literal = None if regex else text
    places: list[tuple[int, int]] = []
    total = 0
    for piece in pieces_of(connection, run):
        for line in _matching(_candidates(connection, piece.log, literal), pattern):
            total += 1
            if len(places) < most:
                places.append((piece.log, line))
    return Found(places, total)


def plain(text: str) -> str:
    """Return a line without the colours that were written into it."""
    return _COLOURS.sub("", text) if "\x1b" in text else text


def _candidates(connection: sqlite3.Connection, log: int, literal: str | None) -> sqlite3.Cursor:
    """Return number and text of all lines that may have `literal`, and some more."""
    query, arguments = "SELECT line, text FROM console WHERE log = ?", [str(log)]
    if literal is not None and literal.isascii() and "\0" not in literal:  # of which SQLite knows both cases
        query += r" AND (text LIKE ? ESCAPE '\' OR instr(text, char(27)))"
        arguments.append("%" + re.sub(r"([%_\\])", r"\\\1", literal) + "%")
    return connection.execute(f"{query} ORDER BY line", arguments)


def _matching(lines: sqlite3.Cursor, pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield the numbers of those lines in which the pattern is found."""
    many = over_lines(pattern)
    while some := lines.fetchmany(_LINES_AT_ONCE):
        # Most have nothing, and are looked through as one text.
        if many is None or many.search(plain("\n".join([text for _, text in some]))):
            yield from (line for line, text in some if pattern.search(plain(text)))


def _console_log(connection: sqlite3.Connection, log: int) -> ConsoleLog:
    path, kind, started_at, state = connection.execute(
        "SELECT path, kind, started_at, state FROM logs WHERE id = ?", (log,)
    ).fetchone()
    (last,) = connection.execute("SELECT max(line) FROM console WHERE log = ?", (log,)).fetchone()
    standing = json.loads(state)["terminal"].items()
    written = [OpenLine(stream, TerminalLine(*line).text) for stream, line in standing]
    count = 0 if last is None else last + 1
    return ConsoleLog(log, Path(path).name, kind, started_at, count, [line for line in written if line.text])
