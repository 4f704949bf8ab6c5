"""What is mounted where, as Linux tells in /proc/<pid>/mountinfo."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SYS = Path("/sys")

_ESCAPED = re.compile(r"\\([0-7]{3})")  # the kernel writes a space in a path as \040


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo: `root` is the folder of the file system that is seen at `point`."""

    device_id: str  # major:minor
    root: str
    point: str
    kind: str
    source: str
    options: str  # of the file system


def read_mounts(file: Path) -> list[Mount]:
    """Return the mounts in a mountinfo file. Raises OSError where it can't be read."""
    return [mount for line in file.read_text(errors="replace").splitlines() if (mount := _mount(line))]


def _mount(line: str) -> Mount | None:
    # 36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    ours, separator, system = line.partition(" - ")
    fields, of_system = ours.split(), system.split()
    if not separator or len(fields) < 5 or len(of_system) < 2:
        return None
    options = of_system[2] if len(of_system) > 2 else ""
    return Mount(fields[2], _plain(fields[3]), _plain(fields[4]), of_system[0], _plain(of_system[1]), options)


def _plain(path: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), path)
