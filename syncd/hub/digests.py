"""The digests of the logs that came last, so that the next range of a live log does not read its open segment anew."""

from __future__ import annotations

import threading
from collections import OrderedDict

from runstore.core.segments import SegmentDigest

_KEPT = 4096  # under 1 KiB each


class Digests:
    """Digests by log id, of so many logs; the one that was used the longest ago goes first. For any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, SegmentDigest] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, log_id: str) -> SegmentDigest | None:
        """Return the digest that is kept; it must not be changed."""
        with self._lock:
            digest = self._kept.get(log_id)
            if digest is not None:
                self._kept.move_to_end(log_id)
            return digest

    def keep(self, log_id: str, digest: SegmentDigest) -> None:
        """Keep a digest in place of an earlier one."""
        with self._lock:
            self._kept[log_id] = digest
            self._kept.move_to_end(log_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def forget(self, log_id: str) -> None:
        """Drop a digest that may not be the file's any more."""
        with self._lock:
            self._kept.pop(log_id, None)
