"""Processes that have a run in turn: one that began it lets others train, and goes on when they have ended.

Spawned workers attach to the run, forked ones inherit it, and each writes a log of its own. Their rows stand beside
ours, by step, which is right for workers that log what nobody else does. But where one logs what another one logged
that has ended, it must come behind it, since at one step there is one value of a name.

Whether a process writes its log still is told by the lock on it; where a file system has no locks, nobody is taken to
have ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from runstore.core.logfold import LogFold
from runstore.errors import LogError
from runstore.runlog.reader import LogReader
from runstore.runlog.writer import lock_file

# Times of folders are those of a clock's ticks: what is made within the same one doesn't show.
TICK_NS = 100_000_000


class Turns:
    """The logs of one run that other processes write, below one folder `wandb`."""

    def __init__(self, folder: Path, run_id: str, own: set[str], since: float) -> None:
        """Look for logs that were begun after `since`, in seconds since the epoch, by others.

        `own` are the names of the directories of this process's logs; it may add more to them.
        """
        self._folder = folder
        self._run_id = run_id
        self._since = since
        self._changed_ns = -1  # when the folder was, as it was looked through last
        self._known = own
        self._being_written: list[Path] = []
        self._ended: list[LogFold] = []  # those that nothing had to come behind so far
        self._names: set[str] = set()  # of what they logged

    def before(self, names: Iterable[str]) -> list[LogFold]:
        """Return what those logs say that ended, in the order in which they were begun, if any has one of these names.

        Each is returned once. Costs one look at the folder's time, and one at each log that is still being written;
        each that has ended is read once, whole.
        """
        self._look_for_others()
        if self._being_written:
            self._take_ended()
        if not self._names or self._names.isdisjoint(names):
            return []
        folds, self._ended, self._names = self._ended, [], set()
        return sorted(folds, key=lambda fold: fold.facts.started_at)

    def _take_ended(self) -> None:
        done = [path for path in self._being_written if not _is_being_written(path)]
        self._being_written = [path for path in self._being_written if path not in done]
        for path in done:
            fold = _folded(path)
            if fold is not None and self._is_anothers(fold):
                self._ended.append(fold)
                self._names.update(fold.summary.tree())

    def _look_for_others(self) -> None:
        try:
            changed_ns = os.stat(self._folder).st_mtime_ns
            if changed_ns == self._changed_ns:
                return
            names = [name for name in os.listdir(self._folder) if name.endswith(f"-{self._run_id}")]
        except OSError:  # deleted, or a file server that is away
            return
        self._changed_ns = changed_ns if time.time_ns() - changed_ns > TICK_NS else -1
        for name in sorted(set(names) - self._known):
            path = self._folder / name / f"run-{self._run_id}.wandb"
            if path.exists():  # else its directory was made just now
                self._known.add(name)
                self._being_written.append(path)

    def _is_anothers(self, fold: LogFold) -> bool:
        """Whether a log is one of those that other processes add to the run meanwhile."""
        facts = fold.facts
        return facts.kind in ("rank", "successor") and facts.pid != os.getpid() and facts.started_at > self._since


def _is_being_written(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return not lock_file(file)
    finally:
        os.close(file)


def _folded(path: Path) -> LogFold | None:
    fold = LogFold()
    try:
        for framed in LogReader(path):
            fold.apply(framed.payload)
    except LogError:
        return None
    return fold
