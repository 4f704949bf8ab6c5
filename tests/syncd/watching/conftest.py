"""A watcher over folders of a test, in a hurry, and a file system that tells of nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runstore.syncd.watching import filesystems, one_root, places, polling, sweep, ticking
from runstore.syncd.watching import watcher as watcher_module
from runstore.syncd.watching.events import Changes, InotifyListener
from runstore.syncd.watching.listening import MISSING
from runstore.syncd.watching.one_root import OneRoot
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.watcher import Watcher
from tests.syncd.watching import passthrough
from tests.timing import PATIENCE_SECONDS

NEVER_SECONDS = 3600.0  # longer than any test is patient


@dataclass
class Watching:
    """A watcher that runs, and what it has found since it was last asked."""

    watcher: Watcher
    problems: list[str]

    def finds(self, *logs: Path) -> set[Path]:
        """Wait until all of these were found to be changed; return what was found with them."""
        found: set[Path] = set()
        until = time.monotonic() + PATIENCE_SECONDS
        while not found.issuperset(logs):
            assert time.monotonic() < until, f"not found: {sorted(set(logs) - found)}; but {sorted(found)}"
            found |= self.watcher.changed(0.1)
        return found

    def is_quiet(self, seconds: float = 0.4) -> bool:
        """Take what was found; return whether nothing comes after that.

        What happened so far was told of and looked at by then, and what is worth it is listened to.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while self._settles() or self.watcher.changed(seconds):
            assert time.monotonic() < until
        return True

    def _settles(self) -> bool:
        """Let everybody do what is due; return whether anything was found meanwhile, or is left to be done."""
        self._is_told()
        roots = list(self.watcher._watched.values())
        for root in roots:
            _ticks(root)
        is_touched = any(root._places._touched for root in roots if root._listening.how != MISSING)
        return bool(self.watcher.changed(0.0)) or is_touched

    def _is_told(self) -> None:
        """Wait until all events that are in the queue were told of: it is one for all folders."""
        listener = self.watcher._listener
        if not isinstance(listener, InotifyListener):
            return
        told, tell = threading.Event(), listener._changed
        with tempfile.TemporaryDirectory() as folder:

            def telling(changes: Changes) -> None:
                tell(changes)
                if (folder, "last") in changes:
                    told.set()

            listener._changed = telling
            listener.watch(folder)
            Path(folder, "last").mkdir()
            assert told.wait(PATIENCE_SECONDS)
            listener.forget(folder)
            listener._changed = tell

    def how(self) -> list[str]:
        return [root["how"] for root in self.watcher.status()]

    def becomes(self, fulfilled: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not fulfilled():
            assert time.monotonic() < until, self.watcher.status()
            time.sleep(0.02)


def _ticks(root: OneRoot) -> None:
    """Wake the thread of a root, and wait until it has done all that is due from then on."""
    thread, ticked = root._thread, threading.Event()
    tick = thread._tick

    def ticking_once() -> float:
        try:
            return tick()
        finally:
            ticked.set()

    thread._tick = ticking_once
    thread.wake()
    assert ticked.wait(PATIENCE_SECONDS)
    thread._tick = tick


@contextmanager
def watched(*roots: Root | Path) -> Iterator[Watching]:
    watcher = Watcher([root if isinstance(root, Root) else Root(root) for root in roots])
    problems = watcher.start()
    try:
        yield Watching(watcher, problems)
    finally:
        watcher.stop()


def run_directory(folder: Path, name: str = "one") -> Path:
    """Return the run directory of a run of this id, which is made."""
    made = folder / f"offline-run-20240101_000000-{name}"
    made.mkdir(parents=True)
    return made


def log_in(folder: Path, content: bytes = b"something") -> Path:
    """Return the log in a run directory, which is written."""
    log = folder / f"run-{folder.name.rpartition('-')[2]}.wandb"
    log.write_bytes(content)
    return log


def new_log(folder: Path, name: str = "one") -> Path:
    return log_in(run_directory(folder, name))


def grow(log: Path) -> None:
    """Write a little more to a log."""
    with log.open("ab") as file:
        file.write(b"more")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look every few tenths of a second where nobody tells, also if a look waits long for a processor.

    And have patience with threads that do, but have nothing found by what comes to the rescue after a while.
    """
    for name in ("ROOT_SECONDS", "TICK_SECONDS"):
        monkeypatch.setattr(one_root, name, 0.1)
    monkeypatch.setattr(places, "TREE_SECONDS", 0.1)
    monkeypatch.setattr(places, "TREE_SHARE", 1.0)
    monkeypatch.setattr(places, "TREE_EVENTS_SECONDS", NEVER_SECONDS)
    monkeypatch.setattr(places, "TOUCHED_SHARE", 1.0)
    monkeypatch.setattr(polling, "_SHARE", 1.0)
    monkeypatch.setattr(polling, "LEAST_SECONDS", 0.1)
    monkeypatch.setattr(polling, "MOST_SECONDS", 0.3)
    monkeypatch.setattr(polling, "TOLD_SECONDS", 0.3)
    for name in ("_STEP_SECONDS", "_ROUND_SECONDS"):
        monkeypatch.setattr(sweep, name, NEVER_SECONDS)
    monkeypatch.setattr(ticking, "FAILED_SECONDS", NEVER_SECONDS)
    monkeypatch.setattr(watcher_module, "START_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(filesystems, "_PROBE_SECONDS", PATIENCE_SECONDS)


@dataclass(frozen=True)
class Mount:
    """A folder as this machine sees it, and as another one does."""

    here: Path
    there: Path

    def seen(self, path: Path) -> Path:
        return self.here / path.relative_to(self.there)


@contextmanager
def mounted(folder: Path, remembered: int = 0) -> Iterator[Mount]:
    """Mount a file system that tells of nothing; skips the test where that can't be done, and says why."""
    if os.getuid() or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("a file system can be mounted by root alone, where /dev/fuse is; the injected one stands for it")
    here, there = folder / "here", folder / "there"
    here.mkdir()
    there.mkdir()
    command = [sys.executable, str(Path(passthrough.__file__)), str(there), str(here), str(remembered)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    try:
        if server.stdout.readline() != "ready\n":
            said = server.stderr.read()
            if "PermissionError" in said:
                pytest.skip("nothing can be mounted here; the injected file system stands for it")
            raise AssertionError(said)
        yield Mount(here, there)
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()
        server.stderr.close()


def paths(found: Iterable[Path]) -> list[str]:
    return sorted(map(str, found))
