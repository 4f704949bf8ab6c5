"""Logs that are looked at often, since they may be written to: those of live runs, and of runs that just began."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from runstore.paths import is_log_name
from runstore.syncd.watching.looking import look
from runstore.syncd.watching.pace import Pace

LEAST_SECONDS, MOST_SECONDS = 1.0, 10.0
# Where events tell of a log, looking is for those that were lost; it is done for all such logs together.
TOLD_SECONDS, TOLD_MOST_SECONDS = 10.0, 60.0
# A log is looked at when a twentieth of the time has passed that it was left alone before, within those bounds.
_PART = 0.05
# A run that has logged nothing for so long, and never said that it ended, was killed, as a rule: the slow look at
# everything finds it, if it was not.
QUIET_SECONDS = 86_400.0
# A new run directory without a log is looked into for so long.
YOUNG_SECONDS = 600.0
# Looks at live logs take no more of the time than this, however slow the file system answers.
_SHARE = 0.02


@dataclass
class _Watched:
    what: tuple[int, int, int] | None  # size, mtime_ns and inode; of a folder without a log: None
    since: float  # it is as it is
    silent: bool
    next_at: float = 0.0

    def plan(self, now: float) -> None:
        part = (now - self.since) * _PART
        if self.silent:
            self.next_at = now + min(MOST_SECONDS, max(LEAST_SECONDS, part))
        else:
            turns = 1 + (now + min(TOLD_MOST_SECONDS, part)) // TOLD_SECONDS
            self.next_at = turns * TOLD_SECONDS


class Polling:
    """Looks at some logs, and into some folders, at a pace of their own. One thread's.

    Those that are `silent`, since no events tell of them, are looked at the more often, and asked for afresh.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._logs: dict[str, _Watched] = {}
        self._young: dict[str, _Watched] = {}
        self._clock = clock
        self._pace = Pace(0.0, 60.0, _SHARE, clock)

    def __len__(self) -> int:
        return len(self._logs) + len(self._young)

    def follow(self, log: str, *, silent: bool) -> bool:
        """Look at a log often from now on; return whether it is worth that, having been written to lately."""
        if log in self._logs:
            return True
        try:
            status = look(log, afresh=False)
        except OSError:
            status = None
        age = max(0.0, time.time() - status.st_mtime) if status is not None else 0.0
        if age > QUIET_SECONDS:
            return False
        now = self._clock()
        self._logs[log] = watched = _Watched(_what(status), now - age, silent)
        watched.plan(now)
        return True

    def expect(self, folder: str, *, silent: bool) -> list[str]:
        """Look into a new run directory until there are logs in it; return those that are there already."""
        logs = logs_in(folder)
        if not logs:
            self._young[folder] = watched = _Watched(None, self._clock(), silent)
            watched.plan(watched.since)
        return logs

    def drop(self, path: str) -> None:
        """Look no more at a log or a folder, or at what is below it."""
        front = path + "/"
        for known in (self._logs, self._young):
            for one in [one for one in known if one == path or one.startswith(front)]:
                del known[one]

    def look(self) -> list[str]:
        """Look at what is due; return the logs that are not as they were, and those that were expected."""
        if not self._pace.is_due():
            return []
        now = self._clock()
        with self._pace.measured():
            changed = [log for log, watched in self._logs.items() if watched.next_at <= now and self._is_new(log, now)]
            for folder, watched in list(self._young.items()):
                if watched.next_at <= now:
                    changed += self._arrived(folder, watched, now)
        return changed

    def quiet(self) -> list[str]:
        """Return the logs that have not been written to for so long that they are not worth being followed."""
        now = self._clock()
        return [log for log, watched in self._logs.items() if now - watched.since > QUIET_SECONDS]

    def silence(self) -> None:
        """Look more often at all that is known: events have ceased to come."""
        for watched in (*self._logs.values(), *self._young.values()):
            watched.silent, watched.next_at = True, 0.0

    def next_at(self) -> float:
        """Return when the next look is due, in seconds of the clock; infinity where nothing is looked at."""
        times = [watched.next_at for known in (self._logs, self._young) for watched in known.values()]
        return max(min(times, default=float("inf")), self._pace.next_at)

    def _is_new(self, log: str, now: float) -> bool:
        watched = self._logs[log]
        try:
            what = _what(look(log, afresh=watched.silent))
        except OSError:  # whoever reads it says why that can't be done
            what = None
        changed = what != watched.what
        if changed:
            watched.what, watched.since = what, now
        watched.plan(now)
        return changed

    def _arrived(self, folder: str, watched: _Watched, now: float) -> list[str]:
        logs = logs_in(folder)
        if logs or now - watched.since > YOUNG_SECONDS:
            del self._young[folder]
        watched.plan(now)
        return logs


def logs_in(folder: str) -> list[str]:
    """Return the logs that lie in a run directory; none where it can't be listed, or is gone."""
    try:
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if is_log_name(name)]
    except OSError:
        return []


def _what(status: os.stat_result | None) -> tuple[int, int, int] | None:
    return (status.st_size, status.st_mtime_ns, status.st_ino) if status is not None else None
