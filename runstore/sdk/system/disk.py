"""How full the disks are, and what was read and written since the run began."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from runstore.sdk.system.mounts import PROC, SYS, Mount, read_mounts
from runstore.sdk.system.source import GIB, MIB, SinceStart, Values

_DEVICES = "/dev/"


class Disks:
    """A source: the use of the file systems at `paths`, and the MB read and written on the devices below them."""

    def __init__(self, paths: tuple[str, ...], proc: Path = PROC, sys: Path = SYS) -> None:
        self._paths = paths
        self._proc, self._sys = proc, sys
        self._since_start = SinceStart()
        self._devices: list[str] | None = None

    def samples(self) -> Values:
        """Return use in percent and GB, traffic in MB. A path that is not there is left out."""
        values: Values = {}
        for path in self._paths:
            with contextlib.suppress(OSError):
                usage = psutil.disk_usage(path)
                values[f"disk.{path}.usagePercent"] = usage.used / ((usage.used + usage.free) or 1) * 100
                values[f"disk.{path}.usageGB"] = usage.used / GIB
        traffic = _traffic()
        if self._devices is None:
            self._devices = sorted(devices_below(self._paths, traffic, self._proc, self._sys))
        counters: dict[str, float] = {}
        for device in self._devices:
            if device in traffic:
                counters[f"disk.{device}.in"], counters[f"disk.{device}.out"] = traffic[device]
        return values | {key: count / MIB for key, count in self._since_start.counted(counters).items()}

    def close(self) -> None:
        """Hold nothing."""


def _traffic() -> dict[str, tuple[int, int]]:
    """Return bytes read and written of each device that was ever used; none where the system doesn't tell."""
    try:
        counters = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    except (NotImplementedError, OSError):  # a container without /proc/diskstats
        return {}
    return {device: (io.read_bytes, io.write_bytes) for device, io in counters.items() if any(io)}


def devices_below(paths: Iterable[str], known: Iterable[str], proc: Path = PROC, sys: Path = SYS) -> set[str]:
    """Return the devices among `known` that the file systems at `paths` are on, by W&B's rule.

    A device counts where its mount point begins the path. Where `/` is on no device, as in a container, all mounted
    devices stand for it; where none is found at all, every device.
    """
    paths, known = list(paths), set(known)
    mounted = list(_mounted_devices(proc, sys))
    found = {device for device, point in mounted if any(path.startswith(point) for path in paths)}
    if paths == ["/"] and not any(point == "/" for _, point in mounted):
        found |= {device for device, _ in mounted if not _is_pseudo(device)}
    return found & known or {device for device in known if not _is_pseudo(device)}


def _mounted_devices(proc: Path, sys: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the mount point of each device with a file system on it."""
    try:
        kinds = set(_kinds_on_devices((proc / "filesystems").read_text()))
        mounts = _mounts_of_machine(proc)
    except OSError:  # no Linux
        for part in psutil.disk_partitions(all=False):
            yield part.device.removeprefix(_DEVICES), part.mountpoint
        return
    for mount in mounts:
        # A bind mount shows a part of what is mounted elsewhere; a btrfs subvolume only looks like one.
        is_part = mount.root != "/" and f"subvol={mount.root}" not in mount.options.split(",")
        if mount.kind in kinds and not (is_part and mount.source.startswith("/")):
            yield _device(mount, sys), mount.point


def _mounts_of_machine(proc: Path) -> list[Mount]:
    try:
        return read_mounts(proc / "1" / "mountinfo")
    except OSError:  # another user's process
        return read_mounts(proc / "self" / "mountinfo")


def _kinds_on_devices(filesystems: str) -> Iterator[str]:
    for line in filesystems.splitlines():
        marks, _, kind = line.rpartition("\t")
        if "nodev" not in marks or kind == "zfs":
            yield kind


def _device(mount: Mount, sys: Path) -> str:
    source = mount.source
    if source == "/dev/root":  # what the kernel was told to boot from, whichever device that is
        with contextlib.suppress(OSError):
            return os.path.basename(os.readlink(sys / "dev" / "block" / mount.device_id))
    if source.startswith("/dev/mapper/"):
        source = os.path.realpath(source)
    return source.removeprefix(_DEVICES)


def _is_pseudo(device: str) -> bool:
    return device.startswith(("loop", "ram", "zram"))
