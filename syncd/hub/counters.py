"""What has arrived at the hub since it started."""

from __future__ import annotations

import threading

# received - accepted = bytes that were sent although the hub had them. `blobs` have arrived whole, of `blob_bytes`.
_NAMES = (
    "ranges",
    "log_bytes_received",
    "log_bytes_accepted",
    "blobs",
    "blob_bytes",
    "blob_bytes_received",
    "blob_bytes_accepted",
)


class Counters:
    """Sums that any thread may add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(_NAMES, 0)

    def add(self, **counts: int) -> None:
        """Add to the sums that are named."""
        with self._lock:
            for name, count in counts.items():
                self._values[name] += count

    def values(self) -> dict[str, int]:
        """Return every sum at this moment."""
        with self._lock:
            return dict(self._values)
