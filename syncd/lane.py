"""The deliveries of one kind to one target, and the threads that carry them out: several at once, never two of one log.

What becomes of a delivery says `Upload`, which one is next `Schedule`, and whether any may begin the `Line`. Here they
meet. How a delivery is carried out, and whose fault it is where it fails, is the business of `Carrying`, to which the
lane is a queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from runstore.syncd.carrying import Carrying, Work
from runstore.syncd.delivery import Ready
from runstore.syncd.line import Line
from runstore.syncd.schedule import Schedule
from runstore.syncd.together import TOGETHER_LOGS
from runstore.syncd.upload import IN_FLIGHT, WAITS_FOR_A_TIME, Cursor, State, Upload

# What was held, since only a change of the log can help, is tried again so soon after one.
CHANGED_SECONDS = 10.0
# A log is delivered at most this often: each delivery costs the target a sync of its disk.
SECONDS_BETWEEN = 1.0
# What a live run says is told to a W&B server as often as W&B's own tools do: its requests are limited.
SECONDS_BETWEEN_OF_RUNS = 15.0


class Lane:
    """Each log stands in it at most once, in its latest state, until `work` is done with it over `line`."""

    def __init__(self, line: Line, work: Work, seconds_between: float = SECONDS_BETWEEN) -> None:
        """`seconds_between` pass at least from one delivery of a live log to its next."""
        self._line, self._what = line, work.what
        self._carrying = Carrying(self, line, work)
        self._seconds_between = seconds_between
        self._ready: dict[Path, Ready] = {}
        self._uploads: dict[Path, Upload] = {}
        self._next_turn: dict[Path, float] = {}
        self._schedule: Schedule[Path] = Schedule()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._is_started = False

    @property
    def is_busy(self) -> bool:
        """Whether something is under way, or could be at once."""
        return bool(self._schedule.busy) or self._schedule.next_at(self._line.clock()) is not None

    def uploads(self) -> list[tuple[Ready, Upload]]:
        """Return every log with what became of it; look at it with `line.changed` held."""
        return [(self._ready[log], upload) for log, upload in self._uploads.items()]

    def upload(self, log: Path) -> Upload | None:
        """Return what became of one log; None for one that was never given."""
        return self._uploads.get(log)

    def start(self) -> None:
        """Begin to work."""
        with self._line.changed:
            self._is_started = True
            self._staff()

    def join(self, until: float) -> None:
        """Wait for the threads to end, up to a time of the line's clock; the line says when they do."""
        for thread in list(self._threads):  # each takes itself out of it
            thread.join(max(0.0, until - self._line.clock()))

    def give(self, what: Ready) -> None:
        """Take a log, in place of an earlier state of it."""
        with self._line.changed:
            goal = Cursor(what.end, what.records)
            upload = self._uploads.get(what.log)
            if upload is None:
                upload = self._uploads[what.log] = Upload(goal)
            else:
                upload.changed(goal, self._line.clock() + CHANGED_SECONDS)
            if what.has_ended and not self._ready.get(what.log, what).has_ended:  # that is what people wait for
                self._next_turn.pop(what.log, None)
            self._ready[what.log] = what
            self._enter(what.log, upload)
            self._staff()
            self._line.changed.notify_all()

    def forget(self, log: Path) -> None:
        """Drop a log that is gone."""
        with self._line.changed:
            upload = self._uploads.pop(log, None)
            if upload is not None:
                upload.vanished()
            self._ready.pop(log, None)
            self._next_turn.pop(log, None)
            self._carrying.forget(log)
            self._schedule.discard(log)

    def hurry(self) -> None:
        """Try at once what waits for its time."""
        with self._line.changed:
            for log, upload in self._uploads.items():
                if upload.state in WAITS_FOR_A_TIME:
                    upload.retry_at = 0.0
                    self._enter(log, upload)
            self._staff()
            self._line.changed.notify_all()

    def others_wait(self) -> bool:
        """Return whether others could begin, and there is no thread for them."""
        with self._line.changed:
            now = self._line.clock()
            at = self._schedule.next_at(now)
            return at is not None and at <= now and not self._idle and len(self._threads) >= self._line.policy.at_once

    def postpone(self, log: Path, until: float) -> None:
        """Let the next turn of a log come no sooner than `until`, if others wait that could go first."""
        with self._line.changed:
            if len(self._schedule):
                self._next_turn[log] = until

    def settle(self, what: Ready, event: Callable[[Upload], None]) -> None:
        """Take a log back, after it was told by `event` what happened to it, and let it wait for what comes next."""
        with self._line.changed:
            now = self._line.clock()
            upload = self._uploads.get(what.log)
            self._schedule.done(what.log, now)
            if upload is not None and upload.state in IN_FLIGHT:  # not forgotten, and given anew, meanwhile
                event(upload)
                self._enter(what.log, upload)
            self._staff()
            self._line.changed.notify_all()

    def _enter(self, log: Path, upload: Upload) -> None:
        """Let a log wait for whatever it waits for."""
        if upload.state is State.QUEUED:
            not_before = self._next_turn.get(log, 0.0)
        elif upload.state in WAITS_FOR_A_TIME:
            not_before = max(upload.retry_at, self._next_turn.get(log, 0.0))
        else:
            return
        what = self._ready[log]
        size = max(0, what.end - upload.acknowledged)
        self._schedule.put(log, size, self._line.clock(), is_live=what.is_live, not_before=not_before)

    def _staff(self) -> None:
        """Let one more thread work, if there is work for it."""
        wanted = len(self._threads) < self._line.policy.at_once and not self._idle
        if not (wanted and self._is_started and not self._line.is_ending):
            return
        now = self._line.clock()
        at = self._schedule.next_at(now)
        if at is None or (at > now and self._threads):  # who is busy now will wait for what comes later
            return
        name = f"runstore-{self._what}-{self._line.name}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while some := self._next():
            self._carrying.carry(some)

    def _next(self) -> list[Ready]:
        """Return the next log when it may be delivered, with others if all are small; [] when this thread can end."""
        line = self._line
        with line.changed:
            while not line.is_ending and len(self._threads) <= line.policy.at_once:
                now = line.clock()
                at = self._schedule.next_at(now)
                if at is not None and at <= now and line.admits(now):
                    return self._begin_some(now)
                seconds = line.seconds_left(now) if at is not None and at <= now else None if at is None else at - now
                self._idle += 1
                line.changed.wait(seconds)
                self._idle -= 1
            self._threads.remove(threading.current_thread())
            return []

    def _begin_some(self, now: float) -> list[Ready]:
        some: list[Ready] = []
        while len(some) < TOGETHER_LOGS and (log := self._schedule.take(now)) is not None:
            some.append(self._begin(log, now))
            if not self._carrying.fits_together(log, some[-1].end - self._uploads[log].verified.size):
                break
        self._staff()
        return some

    def _begin(self, log: Path, now: float) -> Ready:
        upload = self._uploads[log]
        if upload.state in WAITS_FOR_A_TIME:
            upload.due()
        upload.begun()
        what = self._ready[log]
        self._next_turn[log] = now + (self._live_seconds() if what.is_live else SECONDS_BETWEEN)
        return what

    def _live_seconds(self) -> float:
        """Return how long it is at least from one delivery of a live log to its next."""
        return max(self._seconds_between, SECONDS_BETWEEN_OF_RUNS if self._line.takes_runs else 0.0)
