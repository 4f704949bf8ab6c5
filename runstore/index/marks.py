"""Whose mark it is that lies beside a delivered log (`run-<id>.wandb.synced`), and how ours are taken away.

Stock tools make an empty file, and look at nothing but its name; ours has a line of JSON in it. When and why a mark is
left says runstore/syncd/marker.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from runstore.errors import RunstoreError
from runstore.runlog.reader import open_log

SUFFIX = ".synced"
KEY = "runstore"  # what the line of ours begins with
_LINE_BYTES = 1 << 20


def mark_of(log: Path) -> Path:
    """Return where the mark of a log is."""
    return log.with_name(log.name + SUFFIX)


def sizes_in(mark: Path) -> Mapping[str, int] | None:
    """Return the sizes that a mark of ours says the logs had; None for one that is not ours, or not there."""
    try:
        with os.fdopen(open_log(mark), "rb") as file:  # which waits for no pipe that lies in its place
            sizes = orjson.loads(file.read(_LINE_BYTES))[KEY]["sizes"]
    except (OSError, RunstoreError, ValueError, KeyError, TypeError):
        return None
    return sizes if isinstance(sizes, dict) else {}


def take_away_ours(folder: Path) -> None:
    """Remove the marks of ours in a run directory, in which something was written that nobody has yet."""
    for mark in folder.glob(f"*{SUFFIX}"):
        if sizes_in(mark) is not None:
            with contextlib.suppress(OSError):
                mark.unlink()
