"""Sample the machine while a run goes on: a record of system metrics at once, every 15 seconds, and at the end.

A thread does it, and what it needs (psutil, NVML) is loaded in it: `init` waits for nothing. The thread never takes a
lock that logging waits for, but for the one write of a record. Whatever fails, fails alone: one source's trouble is
told once and the others go on; in a forked child nothing is sampled, since the parent does.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Record, StatsRecord
from runstore.sdk.part import Part
from runstore.sdk.system.source import Options, Source, Values

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

# Rates over less than this are noise, and a record of them is of no use to anybody.
LEAST_SECONDS_BETWEEN = 1.0
SHORTEST_INTERVAL_SECONDS = 0.1
PAUSE_SECONDS = 0.05
# How long the end of a run waits for the last sample. A GPU's driver or a network's file system may hang for longer.
STOP_SECONDS = 1.0

Sources = list[tuple[str, Source]]
T = TypeVar("T")


class SystemMonitor(Part):
    """The sampling of one run's machine. `start` it in the process that began the run."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._options = Options.of(recorder.settings, os.getpid())
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def start(self) -> None:
        """Begin to sample; once is enough. Costs the start of a thread."""
        if self._thread is not None or self._ending.is_set():
            return
        self._thread = self.thread(self._run, "runstore-system-metrics", "no system metrics are recorded")

    def stop(self) -> None:
        """End sampling with a last sample, where the one before is old enough and the machine answers in time."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            self._thread = None

    def forked(self) -> None:
        """In a forked child: there is no thread, and there will be none."""
        self._thread = None
        self._ending = threading.Event()  # the parent's may be locked for good
        self._ending.set()

    def _run(self) -> None:
        ending = self._ending
        ending.wait(PAUSE_SECONDS)  # the program is just beginning, and imports are its time
        sources = self._attempt("psutil", self._opened) or []
        interval = max(self._options.interval_seconds, SHORTEST_INTERVAL_SECONDS)
        due = sampled_at = time.monotonic()
        while True:
            sampled_at = self._sample(sources)
            due = max(due + interval, sampled_at)
            if ending.wait(due - time.monotonic()):
                break
        if time.monotonic() - sampled_at >= LEAST_SECONDS_BETWEEN:
            self._sample(sources)
        for name, source in sources:
            self._attempt(name, source.close)

    def _opened(self) -> Sources:
        """Return the sources that this machine has, with their names."""
        from runstore.sdk.system.opening import Opening

        opened = [(name, self._attempt(name, open_)) for name, open_ in Opening(self._options, self._say).each()]
        return [(name, source) for name, source in opened if source is not None]

    def _sample(self, sources: Sources) -> float:
        """Record one sample of all sources; return when that was, by the monotonic clock."""
        now = time.monotonic()
        values: Values = {}
        for name, source in sources:
            values |= self._attempt(name, source.samples) or {}
        self._attempt("their recording", lambda: self._record(values))
        return now

    def _record(self, values: Values) -> None:
        body = stats_record(values, self._options.label, time.time_ns())
        if body is not None and not self.recorder.finished:
            self.recorder.append(body)

    def _attempt(self, name: str, action: Callable[[], T]) -> T | None:
        """Return what `action` returns; None, said once, where it fails."""
        try:
            return action()
        except Exception as error:  # the thread's outer edge: training must not hear of it
            reason = f"{type(error).__name__}: {error}"
            self._say(f"system metrics: trouble with {name}, the others go on ({reason})", name)
            return None

    def _say(self, text: str, about: str = "") -> None:
        if (about or text) not in self._told:
            self._told.add(about or text)
            self.recorder.warn(text)


def stats_record(values: Values, label: str, time_ns: int) -> bytes | None:
    """Return the record of one sample; None for one without a finite value."""
    record = Record()
    stats = record.stats
    stats.type = StatsRecord.SYSTEM
    stats.timestamp.seconds, stats.timestamp.nanos = divmod(time_ns, 1_000_000_000)
    for key, value in values.items():
        if math.isfinite(value):
            stats.item.add(key=f"{key}/l:{label}" if label else key, value_json=wire.dumps(value))
    return codec.encode(record) if stats.item else None
