"""The network traffic of the machine since the run began."""

from __future__ import annotations

from pathlib import Path

import psutil

from runstore.sdk.system.mounts import PROC, SYS
from runstore.sdk.system.source import SinceStart, Values

_IS_LOOPBACK = 0x8  # in an interface's flags


class Network:
    """A source: bytes sent and received, and TCP segments sent again, all since the first sample."""

    def __init__(self, proc: Path = PROC, sys: Path = SYS) -> None:
        self._proc, self._sys = proc, sys
        self._since_start = SinceStart()

    def samples(self) -> Values:
        """Return the counters over all interfaces to elsewhere."""
        interfaces = psutil.net_io_counters(pernic=True, nowrap=False)
        counted = [counters for name, counters in interfaces.items() if self._leads_elsewhere(name)]
        counters: dict[str, float] = {
            "network.sent": sum(counters.bytes_sent for counters in counted),
            "network.recv": sum(counters.bytes_recv for counters in counted),
        }
        again = _retransmitted(self._proc)
        if again is not None:
            counters["network.tcpRetransmits"] = again
        return self._since_start.counted(counters)

    def close(self) -> None:
        """Hold nothing."""

    def _leads_elsewhere(self, name: str) -> bool:
        """Return False for loopback, and for a part of a bond or bridge, whose traffic that one counts already."""
        interface = self._sys / "class" / "net" / name
        try:
            flags = int((interface / "flags").read_text(), 16)
        except (OSError, ValueError):
            flags = 0
        return not (name in ("lo", "lo0") or flags & _IS_LOOPBACK or (interface / "master").exists())


def _retransmitted(proc: Path) -> int | None:
    """Return the TCP segments that were sent again; None where the system doesn't tell."""
    try:
        lines = [line.split() for line in (proc / "net" / "snmp").read_text().splitlines()]
        names, values = (line for line in lines if line[:1] == ["Tcp:"])
        return int(values[names.index("RetransSegs")])
    except (OSError, ValueError):
        return None
