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

import logging
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from runstore.paths import file_system_type
from runstore.syncd.watching.events import Listener
from runstore.syncd.watching.filesystems import is_silent
from runstore.syncd.watching.following import Following
from runstore.syncd.watching.listening import POLLING, Listening
from runstore.syncd.watching.naming import log_of
from runstore.syncd.watching.places import Places, without_events
from runstore.syncd.watching.polling import Polling, logs_in
from runstore.syncd.watching.presence import Found, Presence
from runstore.syncd.watching.recent import Recent, latest
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.sweep import Sweep
from runstore.syncd.watching.ticking import Ticking
from runstore.syncd.watching.tree import Seen, Tree

# How often it is looked whether the root is there.
ROOT_SECONDS = 2.0
# Ticks are at least so far apart, unless something happens: what is due in between is done together.
TICK_SECONDS = 0.5

logger = logging.getLogger("runstore.daemon")


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
        self.file_system, self.problem = "", ""
        self._note, self._clock = note, clock
        self._is_begun, self._notes_all = False, is_new
        self._presence = Presence(root.path)
        self._listening = Listening(root.path, listener, self._do_without_events, clock)
        self._places = Places(root, others, clock)
        self._polling = Polling(clock)
        self._sweep = Sweep(self._tree, clock)
        self._following = Following()
        self._recent = Recent()  # of those that are listened to
        self._thread = Ticking(self.tick, f"root={root.path}")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """End as soon as possible."""
        self._thread.ask_to_stop()

    def stop(self, seconds: float) -> None:
        """End; a thread that still waits for a file server after so long is left behind."""
        self._thread.stop(seconds)
        self._listening.forget()

    def wait_until_set_up(self, seconds: float) -> None:
        """Wait, no longer than this, until it was looked for the first time."""
        self._thread.has_ticked.wait(seconds)

    def touch(self, folder: str) -> None:
        """Look soon at a place, or a run directory, in which something came or went."""
        self._places.touch(folder)
        self._thread.wake()

    def touch_all(self) -> None:
        """Look soon at all places and all live logs: events were lost."""
        self._places.hasten()
        self._note(map(Path, self._following.live()))
        self._thread.wake()

    def follow(self, log: str, is_live: bool) -> None:
        """Look at a log often from now on, or no longer."""
        if self._following.follow(log, is_live):
            self._thread.wake()

    def gone(self, log: str) -> None:
        """Look no more at a log."""
        self._following.gone(log)

    def live(self) -> list[str]:
        """Return the logs that are looked at often."""
        return self._following.live()

    @property
    def is_alive(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread.is_alive

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
        problem = self.problem or self._tree.problem()
        how = self._listening.how
        return {"path": str(self.root.path), "file_system": self.file_system, "how": how, "problem": problem}

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
        due = min(self._clock() + ROOT_SECONDS, self._places.next_at(), self._polling.next_at())
        return max(TICK_SECONDS, due - self._clock())

    @property
    def _tree(self) -> Tree:
        return self._places.tree

    def _find_root(self) -> bool:
        """Look whether the root is there, and set up the watch of it where that is new; return whether it is there."""
        found = self._presence.look()
        if found is Found.AWAY:
            self._listening.lose()
            self._notes_all = True
            self._say(f"{self._presence.problem}; it is looked for every {ROOT_SECONDS:g} seconds")
            return False
        if found is Found.SAME and self._is_begun:
            if self._listening.retry():
                self._places.plan(told=True)
                self._say("")
                self._listen()
            return True
        self._notes_all = self._notes_all or self._is_begun
        self._set_up()
        self._is_begun = True
        if self._notes_all:
            self._notes_all = False
            self._note(Path(log) for run in self._tree.runs() for log in logs_in(run))
        return True

    def _set_up(self) -> None:
        """Find out how to watch the root, and what is in it."""
        self.file_system = file_system_type(self.root.path)
        why = self._listening.begin()
        self._say("" if not why or is_silent(self.file_system) else without_events(why))
        self._places.begin(told=not why)
        self._polling, self._sweep = Polling(self._clock), Sweep(self._tree, self._clock)
        with self._places.measured():
            self._note(map(Path, self._tree.look().logs))
            for log in self._following.live():
                self._polling.follow(log, silent=self._is_silent(log))
            self._listen()

    def _listen(self) -> None:
        """Listen to all that is worth it."""
        self._watch_places(list(self._tree.places))
        for run in latest(self._tree.runs()):
            self._watch_run(run)
        for folder in self._following.folders():
            self._watch_run(folder)

    def _look_at_tree(self) -> None:
        touched = self._places.look(self._take)
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
            self._recent.discard(path)
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
        new = [place for place in places if self._listening.add(place)]
        if new:
            again = self._tree.look(new)
            if again.places or again.runs or again.logs or again.gone:
                self._take(again)

    def _watch_run(self, folder: str) -> None:
        """Listen to the directory of a run, and let go of the one that was of interest longest ago."""
        for place in (folder, f"{folder}/files"):
            self._listening.add(place, busy=True)
        for oldest in self._recent.add(folder, self._following.folders):
            if oldest not in self._tree.places:
                self._listening.forget(oldest)

    def _do_without_events(self, why: str) -> None:
        self._places.plan(told=False)
        self._polling.silence()
        self._say(without_events(why))

    def _is_silent(self, path: str) -> bool:
        return self._listening.how == POLLING or self._tree.is_silent(path)

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
        if problem and problem != self.problem and self._thread.has_ticked.is_set():
            logger.warning('event=watching root=%s how=%s problem="%s"', self.root.path, self._listening.how, problem)
        self.problem = problem
