"""Watch one root: by events where they come, by looking where they don't, and slowly by looking in any case.

What is looked at, and how often:
- the root itself, every few seconds: it may not be there yet, vanish, and come back;
- the places where runs come and go (`tree`), every few seconds without events, else every minute;
- the logs of live runs and new run directories (`polling`), every 1 to 10 seconds without events, else every 10 to 60;
- everything else, one after the other (the sweep), so that a round takes ten minutes or, of many runs, longer.
All of these take longer where a look costs more. A thread for each root: a file server that does not answer holds up
its own root alone.
"""

from __future__ import annotations

import heapq
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from runstore.paths import file_system_type
from runstore.syncd.watching.events import Listener
from runstore.syncd.watching.filesystems import is_silent, why_refused, why_silent
from runstore.syncd.watching.following import Following
from runstore.syncd.watching.listening import Listening
from runstore.syncd.watching.naming import begun_at, log_of
from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.polling import MOST_SECONDS, Polling, logs_in
from runstore.syncd.watching.presence import Found, Presence
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.sweep import Sweep
from runstore.syncd.watching.tree import Seen, Tree

# How often it is looked whether the root is there.
ROOT_SECONDS = 2.0
# How often the places are looked at, at least and at most; and how much of the time that may take.
TREE_SECONDS = 2.0
TREE_EVENTS_SECONDS = 60.0
TREE_MOST_SECONDS = 600.0
TREE_SHARE = 0.01
# How much of the time looks may take at what events tell of: a folder of very many entries takes long to list.
TOUCHED_SHARE = 0.1
# The directories of so many runs are listened to though they ended: people edit the runs that they just made.
RECENT_RUNS = 256
# Where events should come and did not, since a limit was reached, as a rule, it is tried again after so long.
RETRY_SECONDS = 1800.0
# Ticks are at least so far apart, unless something happens: what is due in between is done together.
TICK_SECONDS = 0.5

logger = logging.getLogger("runstore.daemon")

EVENTS, POLLING, MISSING = "events", "polling", "missing"


class OneRoot:
    """Tells `note` of logs below a root that may have changed, from `start` to `stop`."""

    def __init__(
        self,
        root: Root,
        others: Collection[str],
        listener: Listener | None,
        note: Callable[[Iterable[Path]], None],
        clock: Callable[[], float] = monotonic,
        *,
        is_new: bool = False,
    ) -> None:
        """`others` are roots inside of this one; with no `listener`, events are not to be had.

        What is there at the beginning is not noted, unless `is_new` says that nobody else scans for it.
        """
        self.root, self.others = root, frozenset(others)
        self.file_system, self.how, self.problem = "", MISSING, ""
        self._note, self._clock = note, clock
        self._is_begun, self._notes_all = False, is_new
        self._presence = Presence(root.path)
        self._listening = Listening(listener)
        self._retry_at = 0.0
        self._tree = Tree(root, others)
        self._tree_pace = self._silent_pace = Pace(TREE_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
        self._touched_pace = Pace(0.0, TREE_EVENTS_SECONDS, TOUCHED_SHARE, self._clock)
        self._polling = Polling(self._clock)
        self._sweep = Sweep(self._tree, self._clock)
        self._following = Following()
        self._recent: dict[str, None] = {}  # run directories that are listened to, in order
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._woken, self._stopping, self.is_set_up = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="runstore-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """End as soon as possible."""
        self._stopping.set()
        self._woken.set()

    def stop(self, seconds: float) -> None:
        """End; a thread that still waits for a file server after so long is left behind."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        self._listening.forget()

    def touch(self, folder: str) -> None:
        """Look soon at a place, or a run directory, in which something came or went."""
        with self._lock:
            self._touched.add(folder)
        self._woken.set()

    def touch_all(self) -> None:
        """Look soon at all places and all live logs: events were lost."""
        self._tree_pace.hasten()
        self._note(map(Path, self._following.live()))
        self._woken.set()

    def follow(self, log: str, is_live: bool) -> None:
        """Look at a log often from now on, or no longer."""
        if self._following.follow(log, is_live):
            self._woken.set()

    def gone(self, log: str) -> None:
        """Look no more at a log."""
        self._following.gone(log)

    def live(self) -> list[str]:
        """Return the logs that are looked at often."""
        return self._following.live()

    @property
    def is_alive(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def is_certain(self) -> bool:
        """Return whether what is not to be found below the root is really gone."""
        try:
            return self._presence.is_certain()
        except OSError:
            return False

    @property
    def has_away(self) -> bool:
        """Whether something below the root is on a file system that is not mounted now."""
        return bool(self._tree.away)

    def is_away(self, path: str) -> bool:
        """Return whether a path lies on a file system below the root that is not mounted now."""
        return self._tree.is_away(path)

    def is_gone(self, path: str) -> bool:
        """Return whether a path where nothing is was deleted or moved; not so if what it lay on is not mounted."""
        try:
            return self._presence.is_same() and not self.is_away(path) and not self._tree.is_cut_off(path)
        except OSError:
            return False

    def status(self) -> dict[str, Any]:
        """Return how the root is watched, and what is wrong with it."""
        problem = self.problem
        unreadable, away = dict(self._tree.unreadable), list(self._tree.away)
        if unreadable and not problem:
            path, why = min(unreadable.items())
            problem = f"{path}: can't be looked into ({why}); the runs in it are not found"
            problem += f"; {len(unreadable) - 1} more folders are like this" if len(unreadable) > 1 else ""
        elif away and not problem:
            problem = f"{min(away)}: is empty; what was mounted there is not, and stays as it was known"
        return {"path": str(self.root.path), "file_system": self.file_system, "how": self.how, "problem": problem}

    def tick(self) -> float:
        """Do what is due; return after how many seconds something will be."""
        try:
            if not self._find_root():
                return ROOT_SECONDS
            self._take_followed()
            self._look_at_tree()
            self._note_live(self._polling.look())
            self._note(map(Path, self._sweep.next()))
        except OSError as error:  # the root went away meanwhile, as a rule
            self._say(f"{error.strerror or error}; it is tried again")
            return ROOT_SECONDS
        due = min(self._clock() + ROOT_SECONDS, self._tree_pace.next_at, self._polling.next_at())
        due = min(due, self._touched_pace.next_at) if self._touched else due
        return max(TICK_SECONDS, due - self._clock())

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                seconds = self.tick()
            except Exception:  # the thread's outer edge: a mistake here must not leave a root unwatched
                logger.exception("event=not-watched root=%s", self.root.path)
                seconds = MOST_SECONDS
            self.is_set_up.set()
            self._woken.wait(seconds)
            self._woken.clear()

    def _find_root(self) -> bool:
        """Look whether the root is there, and set up the watch of it where that is new; return whether it is there."""
        found = self._presence.look()
        if found is Found.AWAY:
            self._listening.forget()
            self.how, self._notes_all = MISSING, True
            self._say(f"{self._presence.problem}; it is looked for every {ROOT_SECONDS:g} seconds")
            return False
        if found is Found.SAME and self._is_begun:
            self._retry_events()
            return True
        self._notes_all = self._notes_all or self._is_begun
        self._listening.forget()
        self._set_up()
        self._is_begun = True
        if self._notes_all:
            self._notes_all = False
            self._note(Path(log) for run in self._tree.runs() for log in logs_in(run))
        return True

    def _retry_events(self) -> None:
        """Try after a while whether events come that should, and did not."""
        if self.how != POLLING or self._clock() < self._retry_at or not self._listening.is_possible:
            return
        self._retry_at = self._clock() + RETRY_SECONDS
        if not why_silent(self.root.path):
            self.how = EVENTS
            self._tree_pace = Pace(TREE_EVENTS_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
            self._say("")
            self._listen()

    def _set_up(self) -> None:
        """Find out how to watch the root, and what is in it."""
        self._retry_at = self._clock() + RETRY_SECONDS
        kind = self.file_system = file_system_type(self.root.path)
        why = why_silent(self.root.path) if self._listening.is_possible else "events can't be had"
        self.how = POLLING if why else EVENTS
        self._say("" if not why or is_silent(kind) else _polled(why))
        self._tree = Tree(self.root, self.others)
        self._tree_pace = Pace(TREE_SECONDS if why else TREE_EVENTS_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
        self._silent_pace = Pace(TREE_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
        self._polling, self._sweep = Polling(self._clock), Sweep(self._tree, self._clock)
        with self._tree_pace.measured():
            self._note(map(Path, self._tree.look().logs))
            for log in self._following.live():
                self._polling.follow(log, silent=self._is_silent(log))
            self._listen()

    def _listen(self) -> None:
        """Listen to all that is worth it."""
        self._watch_places(list(self._tree.places))
        for run in reversed(heapq.nlargest(RECENT_RUNS, self._tree.runs(), key=begun_at)):
            self._watch_run(run)
        for log in self._following.live():
            self._watch_run(os.path.dirname(log))

    def _look_at_tree(self) -> None:
        touched: set[str] = set()
        if self._touched_pace.is_due():
            with self._lock:
                touched, self._touched = self._touched, set()
        if self._tree_pace.is_due():
            with self._tree_pace.measured():
                self._take(self._tree.look())
        elif touched:
            with self._touched_pace.measured():
                self._take(self._tree.look(touched))
        elif self._silent_pace.is_due() and self.how == EVENTS:  # what is mounted below may tell of nothing
            with self._silent_pace.measured():
                self._take(self._tree.look(self._tree.silent()))
        for folder in touched:
            if folder in self._listening.folders and folder not in self._tree.places:
                self._watch_run(folder)

    def _take(self, seen: Seen) -> None:
        """Note what came and what went."""
        if seen.runs or seen.logs or seen.places:
            self._presence.fill()
        if seen.gone and not self._presence.is_same():
            return
        for path in seen.gone:
            self._listening.forget(path)
            below = [log for log in self._following.live() if log.startswith(path + "/")]
            self._recent.pop(path, None)
            self._polling.drop(path)
            log = log_of(Path(path))
            self._note([*map(Path, below), *([log] if log is not None else [])])
        self._watch_places(seen.places)
        for run in seen.runs:
            self._watch_run(run)
            self._note_live(self._polling.expect(run, silent=self._is_silent(run)))
        self._note(map(Path, seen.logs))

    def _note_live(self, logs: list[str]) -> None:
        """Note logs that came or grew: they are live until who reads them says that they are not."""
        for log in logs:
            self._following.follow(log, is_live=True)
        self._note(map(Path, logs))

    def _watch_places(self, places: list[str]) -> None:
        """Listen to places, and look once more at what came in between."""
        new = [place for place in places if self._watch(place)]
        if new:
            again = self._tree.look(new)
            if again.places or again.runs or again.logs or again.gone:
                self._take(again)

    def _watch_run(self, folder: str) -> None:
        """Listen to the directory of a run, and let go of the one that was of interest longest ago."""
        for place in (folder, f"{folder}/files"):
            self._watch(place, busy=True)
        self._recent.pop(folder, None)
        self._recent[folder] = None
        if len(self._recent) > RECENT_RUNS:
            live = {os.path.dirname(log) for log in self._following.live()}
            for oldest in [run for run in self._recent if run not in live][: len(self._recent) - RECENT_RUNS]:
                del self._recent[oldest]
                if oldest not in self._tree.places:
                    self._listening.forget(oldest)

    def _watch(self, folder: str, *, busy: bool = False) -> bool:
        """Listen to a folder, where events come; return whether that is new."""
        try:
            return self.how == EVENTS and self._listening.add(folder, busy=busy)
        except OSError as error:
            self._fall_back(why_refused(error))
            return False

    def _fall_back(self, why: str) -> None:
        """Do without events from now on."""
        self._listening.forget()
        self.how = POLLING
        self._tree_pace = Pace(TREE_SECONDS, TREE_MOST_SECONDS, TREE_SHARE, self._clock)
        self._polling.silence()
        self._say(_polled(why))

    def _is_silent(self, path: str) -> bool:
        return self.how == POLLING or self._tree.is_silent(path)

    def _take_followed(self) -> None:
        new, left = self._following.take(self._clock())
        quiet = self._polling.quiet()
        for log in new:
            if self._polling.follow(log, silent=self._is_silent(log)):
                self._watch_run(os.path.dirname(log))
            else:
                quiet.append(log)
        self._following.leave(quiet)
        for log in (*left, *quiet):
            self._polling.drop(log)
            self._watch_run(os.path.dirname(log))

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem and self.is_set_up.is_set():
            logger.warning('event=watching root=%s how=%s problem="%s"', self.root.path, self.how, problem)
        self.problem = problem


def _polled(why: str) -> str:
    return f"no events: {why}; new runs are found by looking every {TREE_SECONDS:g} seconds or so"
