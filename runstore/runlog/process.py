"""The name of a process, good beyond its life: host, boot, pid, and the moment at which that pid began."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class ProcessName:
    """One process of one boot of one host. A pid alone is used again; with its start time it is not."""

    host: str
    boot_id: str
    pid: int
    started_ticks: int  # clock ticks since boot, from /proc; 0 where there is no /proc

    @classmethod
    def of_this_process(cls) -> ProcessName:
        """Return the name of the calling process; after a fork, the child's own."""
        return _name(os.getpid())

    def is_alive(self) -> bool | None:
        """Return whether the process runs, or None where that can't be told: another host or boot, no /proc."""
        here = self.of_this_process()
        if self.host != here.host or not self.started_ticks:
            return None
        if self.boot_id != here.boot_id:  # the machine was started again, or another one bears the same name
            return None
        return _started_ticks(self.pid) == self.started_ticks


@lru_cache(maxsize=2)
def _name(pid: int) -> ProcessName:
    import socket  # takes milliseconds, and a list of runs seldom asks

    return ProcessName(socket.gethostname(), _boot_id(), pid, _started_ticks(pid))


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _started_ticks(pid: int) -> int:
    """Return field 22 of /proc/<pid>/stat; 0 where there is no such process, or it is a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command name, in parentheses, may hold spaces and parentheses itself.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
