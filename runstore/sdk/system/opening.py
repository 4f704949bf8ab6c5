"""Which sources of system metrics there are, and how each is opened. Loads psutil: only the sampling thread imports it.

Opening gives None where the machine has not what the source reads, and may raise anything where it has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property

from runstore.sdk.system.cgroup import Limits, limits_of
from runstore.sdk.system.disk import Disks
from runstore.sdk.system.memory import Memory
from runstore.sdk.system.network import Network
from runstore.sdk.system.nvidia import Gpus, nvml_if_present
from runstore.sdk.system.process import ProcessUse, descendants
from runstore.sdk.system.source import Options, Source

Open = Callable[[], "Source | None"]


class Opening:
    """How to open each source with these options; `say` tells the user."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say

    def each(self) -> list[tuple[str, Open]]:
        """Return what opens each source, with the name to speak of it."""
        options = self._options
        return [
            ("GPUs", self._gpus),
            ("network", Network),
            ("disks", lambda: Disks(options.disk_paths)),
            ("memory", lambda: Memory(self._limits)),
            ("process", lambda: ProcessUse(options.pid, options.track_process_tree, self._limits)),
        ]

    @cached_property
    def _limits(self) -> Limits:
        return Limits() if self._options.no_cgroup else limits_of(self._options.pid, os.cpu_count() or 0)

    def _gpus(self) -> Gpus | None:
        nvml = nvml_if_present()
        if nvml is None:
            return None
        return Gpus(nvml, lambda: descendants(self._options.pid), self._options.gpu_device_ids, self._say)
