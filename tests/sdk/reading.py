"""What the tests of the training process look at: the logs that it left, and programs run in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import runstore
from runstore.core.logfold import ConsolePiece, LogFold
from runstore.core.terminal import TerminalLine
from runstore.paths import find_logs
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from runstore.sdk.run import Run
from tests.timing import HANGS_SECONDS

OF_EVERY_ROW = ("_step", "_timestamp", "_runtime")
ROOT = Path(__file__).parents[2]


def begin(**arguments: Any) -> Run:
    """Return a run that is recorded, as `runstore.init` makes it."""
    run = runstore.init(**arguments)
    assert isinstance(run, Run)
    return run


def records(log: Path) -> list[Record]:
    """Return all records of a log that must be whole."""
    reader = LogReader(log)
    found = [codec.decode(framed.payload) for framed in reader]
    assert not reader.lost
    return [record for record in found if record is not None]


def rows(log: Path) -> list[tuple[int, dict[Any, Any]]]:
    """Return the step and the values of each finished row, without what every row has."""
    found: list[tuple[int, dict[Any, Any]]] = []
    for record in records(log):
        if record.HasField("history"):
            row = codec.row_of(record.history)
            assert row["_step"] == codec.step_of(record.history, row)
            found.append((codec.step_of(record.history, row), without_common(row)))
    return found


def without_common(row: dict[Any, Any]) -> dict[Any, Any]:
    """Return a row or summary without step, time and runtime."""
    return {key: value for key, value in row.items() if key not in OF_EVERY_ROW}


def fold(log: Path) -> LogFold:
    """Return all that a log says."""
    folded = LogFold()
    for framed in LogReader(log):
        folded.apply(framed.payload)
    assert folded.facts.undecodable == 0
    return folded


def logs(folder: Path) -> list[Path]:
    """Return the logs below `folder`, in the order in which they were begun."""
    return sorted(find_logs(folder), key=lambda log: (fold(log).facts.started_at, log))


def only_log(folder: Path) -> Path:
    """Return the one log below `folder`."""
    (log,) = logs(folder)
    return log


def kinds(folder: Path) -> list[str]:
    """Return how the logs below `folder` stand to each other, in order."""
    return [fold(log).facts.kind for log in logs(folder)]


def console(log: Path, stream: str) -> list[str]:
    """Return the lines of a stream as a person saw them, an unended one last."""
    pieces: list[ConsolePiece] = []
    folded = LogFold(on_console=pieces.append)
    for framed in LogReader(log):
        folded.apply(framed.payload)
    terminal = TerminalLine()
    lines = [line for piece in pieces if piece.stream == stream for line in terminal.feed(piece.text)]
    return [*lines, terminal.text] if terminal.text else lines


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, type by type, NaN equal to itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def program(source: str, *, timeout: float = HANGS_SECONDS, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program that has the test's settings and `environment`; return its outcome."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a program wrote to stdout; asserts that it ended well."""
    assert done.returncode == 0, done.stderr
    return done.stdout
