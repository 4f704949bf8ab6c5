"""What the names of files and folders say about run logs; nothing here looks at the disk."""

from __future__ import annotations

import re
from pathlib import Path

from runstore.paths import is_edit_log_name, is_log_name

# With the time that W&B's tools and ours write: the files in it, such as `run-<id>.runstore.json`, are called alike.
_RUN_DIRECTORY = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)", re.DOTALL)
# What a daemon writes beside a log itself, and where it looks whether events are delivered.
_OWN_SUFFIXES = (".runstore.json", ".wandb.synced")


def is_run_directory(name: str) -> bool:
    """Return whether a folder of this name holds one run, and no folders with others."""
    return _RUN_DIRECTORY.fullmatch(name) is not None


def begun_at(path: str) -> str:
    """Return the time in the name of a run directory, which sorts as times do; "" for any other folder."""
    found = _RUN_DIRECTORY.fullmatch(path.rpartition("/")[2])
    return found[1] if found is not None else ""


def says_nothing(name: str) -> bool:
    """Return whether a change of a file of this name is no reason to look at the log: a daemon's own, or hidden."""
    return name.startswith(".") or name.endswith(_OWN_SUFFIXES)


def log_of(path: Path) -> Path | None:
    """Return the run log that `path` is, or that of the run directory that it is, or lies in; None elsewhere.

    Looks at names alone. A log of edits is one itself.
    """
    if is_edit_log_name(path.name):
        return path
    for folder in (path, *path.parents):
        found = _RUN_DIRECTORY.fullmatch(folder.name)
        if found is not None:
            return folder / f"run-{found[2]}.wandb"
    return path if is_log_name(path.name) else None
