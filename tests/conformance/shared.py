"""What several tests look at is made once, also where several pytest workers run side by side.

A stock process takes seconds, and pytest-xdist gives every worker fixtures of its own. So the runs and what a server
recorded of them lie in a folder that all workers of one pytest run share; the first that asks makes it, the others
wait for a lock.
"""

from __future__ import annotations

import fcntl
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from runstore.core.keys import dotted, flatten
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from tests.wandbserver.recorded import JsonObject, RecordedRun

Made = TypeVar("Made")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """Return what `make` returned for the folder `name`, in this worker or another one.

    `make` is given the empty folder, which stays; what it returns is pickled. Where it fails, the next caller tries
    again in a folder of its own.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    outcome = base / f"{name}.pickle"
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            made = make(_empty_folder(base, name))
            outcome.write_bytes(pickle.dumps(made))
    loaded: Made = pickle.loads(outcome.read_bytes())
    return loaded


def _empty_folder(base: Path, name: str) -> Path:
    attempt = 0
    while (folder := base / f"{name}-{attempt}").exists():
        attempt += 1
    folder.mkdir()
    return folder


def indexed_below(folder: Path, database: Path) -> Api:
    """Return an Api over a new index of all runs below `folder`; the caller closes it."""
    indexer = Indexer(database)
    unreadable = indexer.catch_up_below(folder)
    indexer.close()
    assert unreadable == []
    return Api(database, refresh=False)


def plain(value: Any) -> Any:
    """Return `value` in a form that == compares as people would: NaN equals itself, and True is not 1."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def flat_rows(rows: list[JsonObject]) -> list[JsonObject]:
    """Return rows with dotted names for what lies inside nested dicts, as queries have them, in `plain` form."""
    return [{dotted(key): plain(value) for key, value in flatten(row).items()} for row in rows]


def without_clock(rows: list[JsonObject]) -> list[JsonObject]:
    """Return rows without what depends on the clock."""
    return [{key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")} for row in rows]


def console_of(run: RecordedRun, stream: str) -> list[str]:
    """Return the lines that a server has of "stdout" or "stderr"; the tools' own remarks are left out.

    Between the two streams stock keeps no order.
    """
    lines = zip(run.console_raw, run.console, strict=True)
    return [
        text
        for raw, text in lines
        if raw.startswith("ERROR ") == (stream == "stderr") and not text.startswith("wandb:")
    ]
