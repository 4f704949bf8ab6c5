"""Being told by the file system of changes in folders: inotify on Linux, elsewhere what watchdog finds.

Events are a hint and never a promise: whoever listens looks by itself now and then.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runstore.paths import is_log_name
from runstore.syncd.watching import inotify

# A busy log makes thousands of events in a second. Between two reads of the queue, those that are alike become one.
_GATHER_SECONDS = 0.05
_WAIT_SECONDS = 60.0

_IS_LINUX = sys.platform.startswith("linux")

Changes = set[tuple[str, str]]  # folder, and the name of what changed in it; "" for the folder itself


class Listener(Protocol):
    """Who tells `changed` of what happens in the folders that it is to watch, in a thread of its own."""

    def watch(self, folder: str, busy: bool = False) -> None:
        """Tell of folders and logs that come and go from now on, and of a busy folder of all that is written to.

        Raises OSError: ENOSPC where the user's limit is reached.
        """

    def forget(self, folder: str) -> None:
        """Tell no more of a folder."""

    def close(self) -> None:
        """Tell nothing more."""


def open_listener(changed: Callable[[Changes], None], lost: Callable[[], None]) -> Listener:
    """Return this system's listener; raises OSError where there is none to be had.

    `lost` is told when events were dropped because they were too many.
    """
    return InotifyListener(changed, lost) if _IS_LINUX else WatchdogListener(changed)


class InotifyListener:
    """One queue and one thread, for any number of folders."""

    _PLACE = (
        inotify.CREATE
        | inotify.DELETE
        | inotify.MOVED_FROM
        | inotify.MOVED_TO
        | inotify.CLOSE_WRITE
        | inotify.DELETE_SELF
        | inotify.MOVE_SELF
    )
    _BUSY = _PLACE | inotify.MODIFY

    def __init__(self, changed: Callable[[Changes], None], lost: Callable[[], None]) -> None:
        """Begin to listen; raises OSError where the user's limit on queues is reached."""
        self._changed, self._lost = changed, lost
        self._queue = inotify.Inotify()
        self._lock = threading.Lock()
        self._folders: dict[int, str] = {}  # by watch
        self._watches: dict[str, int] = {}  # by folder
        self._busy: set[int] = set()  # watches
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="runstore-events", daemon=True)
        self._thread.start()

    def watch(self, folder: str, busy: bool = False) -> None:
        """Tell of a folder; the name that is given last is the one that counts for it."""
        with self._lock:
            watch = self._queue.add(folder, self._BUSY if busy else self._PLACE)
            before = self._folders.get(watch)
            if before is not None:
                self._watches.pop(before, None)
            self._folders[watch] = folder
            self._watches[folder] = watch
            (self._busy.add if busy else self._busy.discard)(watch)

    def forget(self, folder: str) -> None:
        """Tell no more of a folder; one that is watched under another name by now stays watched."""
        with self._lock:
            watch = self._watches.pop(folder, None)
            if watch is not None:
                del self._folders[watch]
                self._queue.remove(watch)

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._queue.wake()
        self._thread.join()
        self._queue.close()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            events = self._queue.read(_WAIT_SECONDS)
            if any(event.mask & inotify.OVERFLOW for event in events):
                self._lost()
            changes = self._named(events)
            if changes:
                self._changed(changes)
            self._stopping.wait(_GATHER_SECONDS)

    def _named(self, events: list[inotify.Event]) -> Changes:
        changes: Changes = set()
        with self._lock:
            for watch, mask, name in set(events):
                folder = self._folders.get(watch)
                if folder is None:
                    continue
                # Where runs come and go, other files do as well, and there may be very many of them.
                if watch in self._busy or mask & inotify.IS_FOLDER or not name or is_log_name(name):
                    changes.add((folder, name))
                if mask & inotify.IGNORED:  # the folder is gone, and the watch with it
                    del self._folders[watch]
                    self._watches.pop(folder, None)
        return changes


class WatchdogListener:
    """What watchdog has for this system: it watches whole trees, so that only the outermost folder is given to it."""

    def __init__(self, changed: Callable[[Changes], None]) -> None:
        """Begin to listen; raises OSError."""
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        class Told(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type not in ("opened", "closed_no_write"):
                    places = [Path(str(place)) for place in (event.src_path, event.dest_path) if place]
                    changed({(str(place.parent), place.name) for place in places})

        self._told = Told()
        self._observer = Observer()
        self._observer.start()
        self._trees: dict[str, object] = {}

    def watch(self, folder: str, busy: bool = False) -> None:
        """Tell of a folder and all below it."""
        del busy
        if not any(folder == tree or folder.startswith(tree + "/") for tree in self._trees):
            self._trees[folder] = self._observer.schedule(self._told, folder, recursive=True)

    def forget(self, folder: str) -> None:
        """Tell no more of a folder that was given."""
        tree = self._trees.pop(folder, None)
        if tree is not None:
            with contextlib.suppress(KeyError, OSError):  # its thread may have ended by itself
                self._observer.unschedule(tree)  # type: ignore[arg-type]

    def close(self) -> None:
        """End its threads."""
        self._observer.stop()
        self._observer.join()
