"""The limits on memory and CPU that a process is under: cgroup version 2 and 1, and its CPU affinity.

The limit that counts may be set on the process's own cgroup or on any above it: SLURM sets it on the job's step, a
container's runtime on the container. So all are looked at, and the smallest limit is taken, together with the use of
the cgroup that it is set on. Limits are read once, what is used each time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runstore.sdk.system.mounts import PROC, Mount, read_mounts

# Version 1 writes "no limit" as the largest multiple of a page in 63 bits; nobody has an exbibyte.
NO_LIMIT_BYTES = 1 << 60


@dataclass(frozen=True)
class _Files:
    """How a version of cgroup names its files about memory."""

    limit: str
    use: str
    events: str


_VERSION_1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
_VERSION_2 = _Files("memory.max", "memory.current", "memory.events")


@dataclass(frozen=True)
class Limits:
    """What a process may use at most. None where nothing limits it."""

    memory_bytes: int | None = None
    cpus: float | None = None
    memory_use_file: Path | None = None
    memory_events_file: Path | None = None
    quota_stat_file: Path | None = None

    def memory_use(self) -> int | None:
        """Return the bytes in use of those that `memory_bytes` limits; None where that can't be read."""
        return _number(self.memory_use_file) if self.memory_use_file else None

    def out_of_memory_kills(self) -> int | None:
        """Return how many processes were killed for memory's sake below the limit."""
        return _keyed(self.memory_events_file).get("oom_kill") if self.memory_events_file else None

    def throttling(self) -> tuple[int, int] | None:
        """Return how many periods of the CPU quota there were, and in how many of them it was used up."""
        numbers = _keyed(self.quota_stat_file) if self.quota_stat_file else {}
        found = numbers.get("nr_periods"), numbers.get("nr_throttled")
        return (found[0], found[1]) if found[0] is not None and found[1] is not None else None


def limits_of(pid: int, logical_cpus: int, proc: Path = PROC) -> Limits:
    """Return the limits that process `pid` is under; none where the system has no cgroups, or doesn't show them."""
    try:
        paths = dict(_cgroup_paths((proc / str(pid) / "cgroup").read_text()))
        mounts = read_mounts(proc / str(pid) / "mountinfo")
    except OSError:
        paths, mounts = {}, []
    version_2 = list(_folders("", paths, mounts))
    of_memory = [(folder, _VERSION_2) for folder in version_2]
    of_memory += [(folder, _VERSION_1) for folder in _folders("memory", paths, mounts)]
    quota, quota_folder = _smallest_quota([*version_2, *_folders("cpu", paths, mounts)])
    bytes_, memory_folder, files = _smallest_memory(of_memory)
    counts = [count for count in (quota, _affinity(pid, logical_cpus)) if count is not None]
    return Limits(
        memory_bytes=bytes_,
        cpus=min(counts, default=None),
        memory_use_file=memory_folder / files.use if memory_folder else None,
        memory_events_file=memory_folder / files.events if memory_folder else None,
        quota_stat_file=quota_folder / "cpu.stat" if quota_folder else None,
    )


def _cgroup_paths(text: str) -> Iterator[tuple[str, str]]:
    """Yield each controller's name and the process's path in its hierarchy; the name of version 2 is empty."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _folders(controller: str, paths: dict[str, str], mounts: list[Mount]) -> Iterator[Path]:
    """Yield the folders of the process's cgroup and of those above it, innermost first."""
    path = paths.get(controller)
    for mount in mounts:
        options = mount.options.split(",")
        if path is None or mount.kind != ("cgroup" if controller else "cgroup2"):
            continue
        if controller and controller not in options:
            continue
        inner = PurePosixPath(path)
        with contextlib.suppress(ValueError):  # a container that sees its own cgroup only, under its outer path
            inner = inner.relative_to(mount.root)
        parts = [part for part in inner.parts if part not in ("/", "..")]
        for length in range(len(parts), -1, -1):
            yield Path(mount.point, *parts[:length])
        return


def _smallest_memory(folders: list[tuple[Path, _Files]]) -> tuple[int | None, Path | None, _Files]:
    smallest: tuple[int | None, Path | None, _Files] = None, None, _VERSION_2
    for folder, files in folders:
        limit = _number(folder / files.limit)
        if limit and limit < (smallest[0] or NO_LIMIT_BYTES):
            smallest = limit, folder, files
    return smallest


def _smallest_quota(folders: list[Path]) -> tuple[float | None, Path | None]:
    smallest: tuple[float | None, Path | None] = None, None
    for folder in folders:
        cpus = _quota(folder)
        if cpus is not None and (smallest[0] is None or cpus < smallest[0]):
            smallest = cpus, folder
    return smallest


def _quota(folder: Path) -> float | None:
    """Return the CPUs that a cgroup's quota amounts to."""
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    with contextlib.suppress(OSError, ValueError):  # no such file, or `max`
        quota, period = map(int, (folder / "cpu.max").read_text().split())
    return quota / period if quota and period and quota > 0 and period > 0 else None


def _affinity(pid: int, logical_cpus: int) -> float | None:
    """Return how many CPUs the process may run on, where that isn't all."""
    try:
        allowed = len(os.sched_getaffinity(pid))
    except (AttributeError, OSError):  # macOS; a process that is gone
        return None
    return float(allowed) if 0 < allowed < logical_cpus else None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _keyed(file: Path) -> dict[str, int]:
    """Return the numbers of a file whose lines are a key and a number."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {fields[0]: int(fields[1]) for fields in lines if len(fields) == 2 and fields[1].isdigit()}
