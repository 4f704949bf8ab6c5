"""What the run's process uses: CPU, memory and threads, and on request those of its descendants with it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from runstore.sdk.system.cgroup import Limits
from runstore.sdk.system.mounts import PROC
from runstore.sdk.system.source import MIB, Values


class ProcessUse:
    """A source: `cpu` in percent of the CPUs that the process may use, memory, threads.

    `cpu` is missing in the first sample, as in stock tools': it is the mean since the sample before.
    """

    def __init__(
        self, pid: int, with_descendants: bool, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pid = pid
        self._with_descendants = with_descendants
        self._capacity = limits.cpus or psutil.cpu_count(logical=False) or 1
        self._memory_bytes = limits.memory_bytes or psutil.virtual_memory().total
        self._used: dict[psutil.Process, float] | None = None  # seconds of CPU time at the last sample
        self._looked_at = 0.0
        self._throttling: tuple[int, int] | None = None
        self._limits = limits
        self._clock = clock

    def samples(self) -> Values:
        """Raises psutil.NoSuchProcess where the process is gone."""
        resident = threads = 0
        used: dict[psutil.Process, float] = {}
        for pid in descendants(self._pid) if self._with_descendants else [self._pid]:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    resident += process.memory_info().rss
                    threads += process.num_threads()
            except psutil.Error:  # a child that has just ended
                if pid == self._pid:
                    raise
                continue
            used[process] = times.user + times.system
        return {
            "proc.memory.rssMB": resident / MIB,
            "proc.memory.percent": resident / self._memory_bytes * 100,
            "proc.cpu.threads": float(threads),
            **self._cpu(used, self._clock()),
            **self._throttled(),
        }

    def close(self) -> None:
        """Hold nothing."""

    def _cpu(self, used: dict[psutil.Process, float], now: float) -> Values:
        before, self._used = self._used, used
        seconds, self._looked_at = now - self._looked_at, now
        if before is None or seconds <= 0:
            return {}
        # A process that began since then counts from its beginning.
        spent = sum(max(time_ - before.get(process, 0.0), 0.0) for process, time_ in used.items())
        return {"cpu": spent / seconds * 100 / self._capacity}

    def _throttled(self) -> Values:
        """Return in how many of the periods since the last sample the CPU quota was used up, in percent."""
        now, before = self._limits.throttling(), self._throttling
        self._throttling = now
        if now is None or before is None or now[0] <= before[0] or now[1] < before[1]:
            return {}
        return {"proc.cpu.throttledPercent": (now[1] - before[1]) / (now[0] - before[0]) * 100}


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """Return the process ids of `pid` and of all that descend from it, in no order but `pid` first."""
    if not (proc / str(pid) / "task" / str(pid) / "children").exists():  # macOS, kernels built without it
        with contextlib.suppress(psutil.Error):
            return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    found = [pid]
    for one in found:  # grows while it is walked
        found.extend(child for child in _children(one, proc) if child not in found)
    return found


def _children(pid: int, proc: Path) -> list[int]:
    """Return the children of a process, whichever of its threads forked them."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in (proc / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                children.extend(map(int, (task / "children").read_text().split()))
    return children
