"""What a source of system metrics is, and the arithmetic that several of them share.

A source reads one thing of the machine, such as its disks, and knows nothing of the others or of the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from runstore.settings import Settings

MIB = 1024.0 * 1024.0
GIB = 1024.0 * MIB

Values = dict[str, float]  # by metric key; an int stays an int, as stock tools write it


class Source(Protocol):
    """One source. May raise anything: its caller goes on with the others."""

    def samples(self) -> Values:
        """Return the values of this moment, by the keys of W&B's system metrics."""

    def close(self) -> None:
        """Give back what the source holds."""


class SinceStart:
    """Turns counters of the machine into what was counted since each was first seen."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}

    def counted(self, counters: Mapping[str, float]) -> Values:
        """Return each counter less its first value; 0.0 where a counter was set back, by a device that came anew."""
        for key, value in counters.items():
            self._first.setdefault(key, value)
        return {key: float(max(value - self._first[key], 0)) for key, value in counters.items()}


@dataclass(frozen=True)
class Options:
    """What the settings say about system metrics, by W&B's defaults."""

    interval_seconds: float = 15.0
    pid: int = 0
    disk_paths: tuple[str, ...] = ("/",)
    gpu_device_ids: tuple[int, ...] = ()  # none: all
    track_process_tree: bool = False
    no_cgroup: bool = False
    label: str = ""
    cpu_count: int = 0
    cpu_logical_count: int = 0
    gpu_count: int = 0
    gpu_type: str = ""

    @classmethod
    def of(cls, settings: Settings, pid: int) -> Options:
        """Return the options in `settings`; `pid` is the process to watch where they name none."""
        usual = cls()
        return cls(
            interval_seconds=settings.x_stats_sampling_interval or usual.interval_seconds,
            pid=settings.x_stats_pid or pid,
            disk_paths=tuple(settings.x_stats_disk_paths or usual.disk_paths),
            gpu_device_ids=tuple(settings.x_stats_gpu_device_ids or ()),
            track_process_tree=settings.x_stats_track_process_tree,
            no_cgroup=settings.x_stats_no_cgroup,
            label=settings.x_label or "",
            cpu_count=settings.x_stats_cpu_count or 0,
            cpu_logical_count=settings.x_stats_cpu_logical_count or 0,
            gpu_count=settings.x_stats_gpu_count or 0,
            gpu_type=settings.x_stats_gpu_type or "",
        )
