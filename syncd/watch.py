"""Notice which run logs may have changed: by the file system's events, and by looking through the trees now and then.

Events are a hint, the slow scan is the promise: file systems that deliver no events, queues that overflow and
folders that appear while they are being watched only cost time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from runstore.paths import find_logs, is_edit_log_name


class Watcher(FileSystemEventHandler):
    """Collect the logs below some folders that may have changed since they were last asked for."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = list(roots)
        self._changed: set[Path] = set()
        self._something = threading.Condition()
        self._observer = Observer()

    def start(self) -> list[str]:
        """Begin to listen; return a sentence for each folder where that can't be done and scanning has to do."""
        problems = []
        for root in self.roots:
            try:
                self._observer.schedule(self, str(root), recursive=True)
            except OSError as error:  # no such folder yet, or the limit on watches is reached
                problems.append(f"{root}: no events ({error.strerror or error}); it is looked through now and then")
        try:
            self._observer.start()
        except OSError as error:
            problems.append(f"no events ({error.strerror or error}); folders are looked through now and then")
        return problems

    def stop(self) -> None:
        """Stop listening."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def wake(self) -> None:
        """Let a waiting `changed` return now."""
        with self._something:
            self._something.notify_all()

    def scan(self) -> None:
        """Look through all folders: every log counts as changed, which costs whoever asks one look at the file."""
        self.note(log for root in self.roots if root.exists() for log in find_logs(root))

    def note(self, logs: Iterable[Path]) -> None:
        """Let logs count as changed, those that are below the roots."""
        found = {log for log in logs if any(log.is_relative_to(root) for root in self.roots)}
        with self._something:
            self._changed |= found

    def changed(self, seconds: float) -> set[Path]:
        """Return the logs that changed since the last call; waits up to `seconds` for the first."""
        with self._something:
            if not self._changed:
                self._something.wait(seconds)
            found, self._changed = self._changed, set()
            return found

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note the log of the run directory in which something happened."""
        if event.event_type in ("opened", "closed_no_write"):
            return
        for place in (event.src_path, event.dest_path):
            log = log_of(Path(str(place))) if place else None
            if log is not None:
                with self._something:
                    self._changed.add(log)
                    self._something.notify_all()


def log_of(path: Path) -> Path | None:
    """Return the run log of the run directory that `path` is, or lies in; None elsewhere. Looks at names alone.

    A log of edits is one itself.
    """
    if is_edit_log_name(path.name):
        return path
    for folder in (path, *path.parents):
        found = _RUN_DIRECTORY.fullmatch(folder.name)
        if found is not None:
            return folder / f"run-{found[1]}.wandb"
    return None


# With the time that W&B's tools and ours write: the files in it, such as `run-<id>.runstore.json`, are called alike.
_RUN_DIRECTORY = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(.+)")
