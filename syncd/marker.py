"""The mark that stock tools leave beside a log that they have delivered: `run-<id>.wandb.synced`.

`wandb sync` passes over a run that has it, and `wandb clean` (`wandb sync --clean` before 0.31) deletes the whole
run directory. So it says more than "this log is delivered", and stands only beside a run that has ended, of which
every target that it goes to was proven to hold every log, file and blob in that directory. When something there
changes it is taken away, but only one of ours, as runstore/index/marks.py tells them apart: stock tools empty it when
they deliver the run once more.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from runstore.index.marks import KEY, mark_of, sizes_in
from runstore.paths import is_edit_log_name, is_log_name
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.removal import not_held


def put(folder: Path, logs: Mapping[Path, Ready], targets: Iterable[str]) -> str:
    """Mark the logs in a run directory as delivered, if that is so; return why it is not, "" where they are marked.

    `logs` are the known logs of the directory, `targets` the names of all remotes that they go to. What these hold is
    looked up in the receipts, which whoever calls has seen renewed; no log is read. Costs a look at each file.
    """
    why = _not_whole(folder, logs, list(targets))
    if why:
        return why
    line = orjson.dumps(
        {KEY: {"targets": sorted(targets), "sizes": {log.name: what.end for log, what in logs.items()}}}
    )
    try:
        for log in logs:
            if not is_edit_log_name(log.name):
                _make(mark_of(log), line + b"\n")
    except OSError as error:
        return f"{folder}: no mark can be left there ({error.strerror})"
    return ""


def take_back(folder: Path, logs: Mapping[Path, Ready], files_changed_at: float) -> bool:
    """Remove the marks of ours in a run directory that is not as it was then; return whether there were any.

    It is not if one of `logs` has another size or is new, or if a file changed behind the mark; `files_changed_at` is
    in seconds since the epoch, and 0 where there is no file.
    """
    is_removed = False
    for log in logs:
        mark = mark_of(log)
        sizes = sizes_in(mark)
        if sizes is None:
            continue
        with contextlib.suppress(OSError):
            is_same = all(sizes.get(other.name) == what.end for other, what in logs.items())
            if not is_same or files_changed_at > mark.stat().st_mtime:
                mark.unlink()
                is_removed = True
    return is_removed


def is_damaged(connection: sqlite3.Connection, logs: Iterable[Path]) -> bool:
    """Return whether a log has damaged bytes: what takes runs, not logs, does not get these, and they may be mended."""
    query = "SELECT lost_bytes + undecodable > 0 FROM logs WHERE path = ?"
    found = (connection.execute(query, (str(log.resolve()),)).fetchone() for log in logs)
    return any(row is not None and row[0] for row in found)


def is_put(log: Path) -> bool:
    """Return whether there is a mark beside a log, whoever left it."""
    return mark_of(log).exists()


def _not_whole(folder: Path, logs: Mapping[Path, Ready], targets: list[str]) -> str:
    """Return why a run directory can't be marked, "" where it can."""
    if not targets:
        return f"{folder}: goes to no target"
    try:
        there = {folder / name for name in os.listdir(folder) if is_log_name(name)}
        for log in sorted(there):
            if log not in logs or log.stat().st_size != logs[log].end:
                return f"{log}: is not read to its end, or its last record is not whole"
            if not is_edit_log_name(log.name) and not logs[log].has_ended:
                return f"{log}: its run has not ended"
        return next(filter(None, (_missing_at(folder, logs, target) for target in targets)), "")
    except OSError as error:
        return f"{folder}: can't be looked through ({error.strerror})"


def _missing_at(folder: Path, logs: Mapping[Path, Ready], target: str) -> str:
    """Return what of a run directory the remote of this name was not proven to hold, "" where it holds all."""
    proofs: dict[Path, Receipt] = {}
    for log, what in logs.items():
        held = [one for one in receipts.load(log, what.log_id).values() if one.remote == target and not one.error]
        whole = [one for one in held if one.size == what.end and not one.held]
        if not whole:
            return f"{log}: is not delivered to {target}"
        proofs[log] = max(whole, key=lambda one: one.verified_at)
    missing = not_held(folder, proofs)
    return f"{folder}: {missing} ({target})" if missing else ""


def _make(mark: Path, line: bytes) -> None:
    """Make a mark with all of its content at once; one that is there stays."""
    if mark.exists():
        return
    fresh = mark.with_name(f".{mark.name}.{os.getpid()}")
    try:
        fresh.write_bytes(line)
        try:
            os.link(fresh, mark)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            fresh.replace(mark)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
