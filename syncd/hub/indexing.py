"""One background thread that indexes logs which have grown, and a way to wait until it has seen what came before.

Acknowledging bytes never waits for the index: it is a cache, and a hub that is killed in between catches up when it
starts, because `indexed` in the ledger is less than what was acknowledged.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from runstore.syncd.hub.storage import Storage

_logger = logging.getLogger("runstore.hub")


class IndexingThread:
    """A queue of logs in which each stands at most once, and the one thread that empties it."""

    def __init__(self, storage: Storage, index_log: Callable[[Path], None]) -> None:
        self._storage = storage
        self._index_log = index_log
        # log id -> ticket. A log that waits already keeps its place: its turn will cover the newer bytes too.
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._last_ticket = 0
        self._done_ticket = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="runstore-hub-index", daemon=True)

    def start(self) -> None:
        """Start the thread, beginning with every log that was acknowledged but not indexed before."""
        for log_id in self._storage.unindexed():
            self.put(log_id)
        self._thread.start()

    def put(self, log_id: str) -> None:
        """Queue a log that has grown."""
        with self._changed:
            if log_id not in self._waiting:
                self._last_ticket += 1
                self._waiting[log_id] = self._last_ticket
                self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until what was queued before this call is indexed, not what comes later; False after `timeout_s`."""
        with self._changed:
            ticket = self._last_ticket
            self._changed.wait_for(lambda: self._stopping or self._done_ticket >= ticket, timeout_s)
            return self._done_ticket >= ticket

    def stop(self) -> None:
        """Let the log in hand be finished, and end; what waits is found again at the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:  # an app that was never started has none
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or bool(self._waiting))
                if self._stopping:
                    return
                log_id, ticket = self._waiting.popitem(last=False)
            self._index(log_id)
            with self._changed:
                self._done_ticket = ticket
                self._changed.notify_all()

    def _index(self, log_id: str) -> None:
        try:
            # Asked before, not after: bytes that arrive meanwhile may have been missed.
            size = self._storage.mark(log_id).size
            self._index_log(self._storage.log_path(log_id))
            self._storage.set_indexed(log_id, size)
        except Exception:  # the thread's outer edge: one log that can't be indexed must not stop the others
            _logger.exception("log %s: not indexed; tried again when it grows or the hub starts", log_id)
