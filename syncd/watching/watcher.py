"""Notice which run logs may have changed, below any number of roots.

Events are a hint, looking is the promise: file systems that deliver no events, queues that overflow and folders that
appear while they are being watched only cost time. See `one_root` for what is looked at and how often.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from runstore.paths import find_logs, is_log_name
from runstore.syncd.watching.events import Changes, Listener, open_listener
from runstore.syncd.watching.filesystems import why_refused
from runstore.syncd.watching.naming import log_of, says_nothing
from runstore.syncd.watching.one_root import OneRoot
from runstore.syncd.watching.roots import Root, Roots

# How long a start waits for what it learns of the roots; a large tree, or a slow one, is told of later.
START_SECONDS = 2.0
STOP_SECONDS = 0.5


class Watcher:
    """Collect the logs below some roots that may have changed since they were last asked for."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = Roots(roots)
        self._listener: Listener | None = None
        self._no_events = ""
        self._changed: set[Path] = set()
        self._something = threading.Condition()
        self._is_started = False
        self._watched = self._made({})

    @property
    def roots(self) -> list[Root]:
        """The roots, each once."""
        return self._roots.all

    @property
    def paths(self) -> list[Path]:
        """The folders of the roots."""
        return [root.path for root in self.roots]

    def start(self) -> list[str]:
        """Begin to watch; return a sentence for each root where something is wrong, as far as that shows at once."""
        self._is_started = True
        try:
            self._listener = open_listener(self._on_changes, self._on_lost)
        except OSError as error:
            self._no_events = why_refused(error)
        self._watched = self._made({})
        return [*self._started(self._watched.values()), *([self._no_events] if self._no_events else [])]

    def stop(self) -> None:
        """Stop watching; takes STOP_SECONDS at most where a file server does not answer."""
        _stop(self._watched.values())
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._is_started = False

    def set_roots(self, roots: Sequence[Root]) -> list[str]:
        """Watch these roots from now on; those that stay as they are go on being watched. Returns as `start` does.

        What is below the new ones counts as changed.
        """
        before = self._watched
        self._roots = Roots(roots)
        self._watched = self._made(before, are_new=self._is_started)
        staying = set(self._watched.values())
        _stop([watched for watched in before.values() if watched not in staying])
        return self._started(watched for watched in staying - set(before.values())) if self._is_started else []

    def wake(self) -> None:
        """Let a waiting `changed` return now."""
        with self._something:
            self._something.notify_all()

    def scan(self) -> None:
        """Look through all roots: every log counts as changed, which costs whoever asks one look at the file."""
        for place in self.present():
            self.note(find_logs(place, self.skips))

    def note(self, logs: Iterable[Path]) -> None:
        """Let logs count as changed, those that are below the roots, and not ignored."""
        found = {log for log in logs if self._roots.cover(str(log))}
        if found:
            with self._something:
                self._changed |= found
                self._something.notify_all()

    def changed(self, seconds: float) -> set[Path]:
        """Return the logs that changed since the last call; waits up to `seconds` for the first."""
        with self._something:
            if not self._changed:
                self._something.wait(seconds)
            found, self._changed = self._changed, set()
            return found

    def follow(self, log: Path, is_live: bool) -> None:
        """Tell that a log was read: one that is still written to is looked at often from now on."""
        watched = self._watching(str(log))
        if watched is not None:
            watched.follow(str(log), is_live)

    def gone(self, log: Path) -> None:
        """Tell that there is no such log any more."""
        watched = self._watching(str(log))
        if watched is not None:
            watched.gone(str(log))

    def live(self) -> list[Path]:
        """Return the logs that are looked at often."""
        return [Path(log) for watched in self._watched.values() for log in watched.live()]

    def present(self) -> list[Path]:
        """Return the roots that are there: what is not to be found below one of them is gone.

        Of a root that is not there, all that is known stays so: a file system is not mounted, as a rule.
        """
        return [path for path, watched in self._watched.items() if watched.is_certain()]

    def is_gone(self, log: Path) -> bool:
        """Return whether a log that is not there was deleted or moved; not so if its file system is not mounted."""
        watched = self._watching(str(log))
        return watched is None or not self._is_started or watched.is_gone(str(log))

    @property
    def skips(self) -> Callable[[str], bool] | None:
        """What tells of a path that nothing is to be concluded from it: it is ignored, or away. None where none is."""
        anything = any(root.ignore for root in self.roots) or any(one.has_away for one in self._watched.values())
        return self._skips if anything else None

    def _skips(self, path: str) -> bool:
        root = self._roots.of(path)
        return root is not None and (root.ignores(path) or self._watched[root.path].is_away(path))

    def status(self) -> list[dict[str, Any]]:
        """Return of each root its path, file system, how it is watched (events, polling, missing), and the problem."""
        return [watched.status() for watched in self._watched.values()]

    def _made(self, before: Mapping[Path, OneRoot], *, are_new: bool = False) -> dict[Path, OneRoot]:
        """Return one watch for each root; those of before where nothing is different."""
        made: dict[Path, OneRoot] = {}
        for root in self.roots:
            others = self._roots.inside(root)
            old = before.get(root.path)
            if old is not None and old.root == root and old.others == others and old.is_alive:
                made[root.path] = old
            else:
                made[root.path] = OneRoot(root, others, self._listener, self.note, is_new=are_new)
        return made

    def _started(self, watches: Iterable[OneRoot]) -> list[str]:
        new = list(watches)
        for watched in new:
            watched.start()
        until = monotonic() + START_SECONDS
        for watched in new:
            watched.wait_until_set_up(max(0.0, until - monotonic()))
        return [f"{watched.root.path}: {watched.problem}" for watched in new if watched.problem]

    def _watching(self, path: str) -> OneRoot | None:
        root = self._roots.of(path)
        return self._watched.get(root.path) if root is not None else None

    def _on_changes(self, changes: Changes) -> None:
        """Note the logs of the run directories in which something happened, and let places be looked at."""
        logs: set[Path] = set()
        for folder, name in changes:
            log = _log_in(folder)
            if log is None or name == "files":
                watched = self._watching(folder)
                if watched is not None:
                    watched.touch(folder)
                if is_log_name(name):
                    logs.add(Path(folder, name))
            elif not says_nothing(name):
                logs.add(Path(folder, name) if is_log_name(name) else log)
        self.note(logs)

    def _on_lost(self) -> None:
        for watched in self._watched.values():
            watched.touch_all()


def _stop(watches: Collection[OneRoot]) -> None:
    for watched in watches:
        watched.ask_to_stop()
    until = monotonic() + STOP_SECONDS
    for watched in watches:
        watched.stop(max(0.0, until - monotonic()))


@lru_cache(maxsize=1024)
def _log_in(folder: str) -> Path | None:
    """Return the log of the run directory that a folder is, or lies in."""
    return log_of(Path(folder))
