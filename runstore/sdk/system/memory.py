"""The memory of the machine, or of the cgroup where one limits it."""

from __future__ import annotations

import psutil

from runstore.sdk.system.cgroup import Limits
from runstore.sdk.system.source import MIB, SinceStart, Values


class Memory:
    """A source: how much of the memory is used, and how much is left."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since_start = SinceStart()

    def samples(self) -> Values:
        """Return percent used and MB available, and how many processes were killed for want of it."""
        total, used = self._limits.memory_bytes, self._limits.memory_use()
        if total is None or used is None:
            memory = psutil.virtual_memory()
            total, used = memory.total, memory.total - memory.available
        kills = self._limits.out_of_memory_kills()
        counters = {} if kills is None else {"proc.memory.oomKills": kills}
        return {
            "memory_percent": used / total * 100,
            "proc.memory.availableMB": max(total - used, 0) / MIB,
            **self._since_start.counted(counters),
        }

    def close(self) -> None:
        """Hold nothing."""
