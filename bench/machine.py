"""Say which machine the figures are from."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from runstore.paths import file_system_type
from runstore.version import VERSION


def description(folder: Path) -> str:
    """Return processor, cores, Python, kernel and the file system of `folder`, as one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join(
        [
            f"runstore {VERSION}",
            _processor(),
            f"{cores} cores",
            f"Python {platform.python_version()}",
            f"{platform.system()} {platform.release()}",
            file_system_type(folder) or "unknown file system",
        ]
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
