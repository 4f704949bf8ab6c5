"""What an export is written as: the contract of a format, and the formats by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from runstore.query.export.windows import RunHistory

# Name -> module of this package, and its class; imported when it is used.
FORMATS = {
    "parquet": "parquet:Parquet",
    "csv": "delimited:Delimited",
    "jsonl": "jsonlines:JsonLines",
    "tensorboard": "tensorboard:TensorBoard",
}

Progress = Callable[[int], None]  # told of points as they are written


class Format(Protocol):
    """How runs are written. Every path is a new one, which takes its final name when it is whole."""

    suffix: str
    """What the file of a run ends in; "" for a folder."""
    table_suffix: str
    """The same for the table of runs."""

    def write_run(self, path: Path, run: Mapping[str, Any], history: RunHistory, progress: Progress) -> None:
        """Write the history of one run, which `run` describes as `runstore runs show --json` does."""

    def write_table(self, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write a row for each run, with its config and summary."""


def format_named(name: str) -> Format:
    """Return one of FORMATS; raises UsageError where a library for it is missing."""
    module, _, kind = FORMATS[name].partition(":")
    made: Format = getattr(importlib.import_module(f"runstore.query.export.{module}"), kind)()
    return made
