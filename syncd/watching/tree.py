"""The folders below a root in which runs come and go, and the names of the run directories in them.

A place is any folder that is no run directory: `wandb` folders and all above them. There are few, so they are looked
at often; what is in a run directory is not looked at here. A place that is as it was when it was listed has the same
entries, and is not listed again; see index/discovery.py for why its times can be trusted once they have settled.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from runstore.index.discovery import SETTLED_NS
from runstore.paths import file_system_type, is_inside_run, is_log_name
from runstore.syncd.watching.filesystems import is_silent
from runstore.syncd.watching.looking import look
from runstore.syncd.watching.naming import is_run_directory
from runstore.syncd.watching.roots import Root


@dataclass
class Place:
    """A folder as it was listed."""

    device: int
    stamp: tuple[int, int] | None  # mtime_ns and ctime_ns; None of one that is to be listed the next time, too
    runs: set[str] = field(default_factory=set)  # paths
    places: set[str] = field(default_factory=set)
    logs: set[str] = field(default_factory=set)  # that lie in it, and in no run directory


@dataclass
class Seen:
    """What a look found to be other than before."""

    runs: list[str] = field(default_factory=list)  # run directories that are new
    logs: list[str] = field(default_factory=list)  # new ones that lie in no run directory
    places: list[str] = field(default_factory=list)  # new ones
    gone: list[str] = field(default_factory=list)  # run directories, places and logs


class Tree:
    """What is known of one root."""

    def __init__(self, root: Root, others: Collection[str] = ()) -> None:
        """`others` are roots of their own, and left to those."""
        self.root = root
        self.places: dict[str, Place] = {}
        self.unreadable: dict[str, str] = {}  # by path: why
        self.away: set[str] = set()  # places on file systems that are not mounted now
        self._others = frozenset(others)
        self._silent: dict[int, bool] = {}  # by device

    def look(self, places: Iterable[str] | None = None) -> Seen:
        """Look at these places, by default at all; return what is new, and what is gone."""
        seen = Seen()
        top = str(self.root.path)
        known = self.places if places is None else sorted(place for place in places if place in self.places)
        waiting = deque(known)  # above before below: what is away is seen where it was mounted
        if top not in self.places:
            waiting.append(top)
        while waiting:
            path = waiting.popleft()
            is_known = path in self.places or path == top or path in seen.places  # not gone meanwhile
            if is_known and not self.is_away(path):
                new = self._look_at(path, seen)
                waiting += new
                seen.places += new
        return seen

    def is_away(self, path: str) -> bool:
        """Return whether a path lies below a place on which nothing is mounted now, though something was."""
        return any(path.startswith(place + "/") for place in list(self.away))

    def runs(self) -> list[str]:
        """Return all run directories."""
        return [run for place in self.places.values() for run in place.runs]

    def silent(self) -> list[str]:
        """Return the places on file systems that do not tell of changes."""
        if not any(self._silent.values()):
            return []
        return [path for path, place in self.places.items() if self._silent.get(place.device)]

    def is_silent(self, path: str) -> bool:
        """Return whether what lies at `path`, in a place or a run directory of one, is on such a file system."""
        while path not in self.places and path != os.path.dirname(path):
            path = os.path.dirname(path)
        place = self.places.get(path)
        return place is not None and self._silent.get(place.device, False)

    def is_cut_off(self, path: str) -> bool:
        """Return whether `path` lay on a file system that is not there now; raises OSError."""
        folder = os.path.dirname(path)
        while len(folder) >= len(str(self.root.path)):
            place = self.places.get(folder)
            if place is not None and place.device:
                status = look(folder, afresh=False)
                if status is not None:
                    return status.st_dev != place.device
            folder = os.path.dirname(folder)
        return False

    def problem(self) -> str:
        """Return what keeps runs from being found, as a sentence; "" where nothing does."""
        unreadable, away = dict(self.unreadable), list(self.away)
        if unreadable:
            path, why = min(unreadable.items())
            more = f"; {len(unreadable) - 1} more folders are like this" if len(unreadable) > 1 else ""
            return f"{path}: can't be looked into ({why}); the runs in it are not found{more}"
        return f"{min(away)}: is empty; what was mounted there is not, and stays as it was known" if away else ""

    def _look_at(self, path: str, seen: Seen) -> list[str]:
        """Compare one place with what was known; return the places in it that are new."""
        before = self.places.get(path)
        try:
            status = look(path, afresh=before is not None and self._silent.get(before.device, False))
            if status is None:
                if path != str(self.root.path):  # whoever watches the root sees that it is gone
                    self._lost(path, seen)
                return []
            stamp = (status.st_mtime_ns, status.st_ctime_ns)
            if before is not None and before.device != status.st_dev:
                # A file system came or went. What is on the one that is not there is not gone.
                if not self._is_back(path, before, status.st_dev):
                    return []
            elif before is not None and before.stamp == stamp:
                return []
            now = self._listed(path, status.st_dev)
        except OSError as error:
            self.unreadable[path] = error.strerror or str(error)
            self.places.setdefault(path, Place(0, None))
            return []
        self.unreadable.pop(path, None)
        if max(stamp) < time.time_ns() - SETTLED_NS:
            now.stamp = stamp
        return self._compare(path, before or Place(0, None), now, seen)

    def _is_back(self, path: str, before: Place, device: int) -> bool:
        """Return whether a place on another file system than before is to be listed: it was empty, or is not now."""
        if not before.device or not (before.runs or before.places or before.logs):
            return True
        with os.scandir(path) as entries:
            is_empty = next(entries, None) is None
        self.unreadable.pop(path, None)
        if is_empty:
            self.away.add(path)
            return False
        self.away.discard(path)
        before.device = device
        return True

    def _listed(self, path: str, device: int) -> Place:
        place = Place(device, None)
        if device not in self._silent:
            self._silent[device] = is_silent(file_system_type(path))
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    if name.startswith(".") or is_inside_run(path, name) or entry.path in self._others:
                        continue
                    if not self.root.ignores(entry.path):
                        (place.runs if is_run_directory(name) else place.places).add(entry.path)
                elif is_log_name(name) and not self.root.ignores(entry.path):
                    place.logs.add(entry.path)
        return place

    def _compare(self, path: str, before: Place, now: Place, seen: Seen) -> list[str]:
        self.away.discard(path)
        self.places[path] = now
        seen.runs += sorted(now.runs - before.runs)
        seen.logs += sorted(now.logs - before.logs)
        seen.gone += sorted((before.runs - now.runs) | (before.logs - now.logs))
        for place in sorted(before.places - now.places):
            self._lost(place, seen)
        return sorted(now.places - before.places)

    def _lost(self, path: str, seen: Seen) -> None:
        """Forget a place that is gone, with all below it."""
        self.away.discard(path)
        self.unreadable.pop(path, None)
        place = self.places.pop(path, None)
        if place is None:
            return
        seen.gone += [path, *sorted(place.runs), *sorted(place.logs)]
        for below in sorted(place.places):
            self._lost(below, seen)
