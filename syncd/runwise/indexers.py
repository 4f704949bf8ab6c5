"""Indexers that wait for their next use: opening one takes milliseconds, and each run needs one twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runstore.index.indexer import Indexer

_IDLE_MOST = 4


class Indexers:
    """Indexers of the index at `path`, by default this machine's, each for one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._changed = threading.Lock()
        self._idle: list[Indexer] = []
        self._is_closed = False

    @contextmanager
    def borrowed(self) -> Iterator[Indexer]:
        """Yield one that nobody else uses. Raises IndexUnusable and StorageError."""
        indexer = self._taken() or Indexer(self._path)
        try:
            yield indexer
        except BaseException:
            indexer.close()
            raise
        self._give_back(indexer)

    def close(self) -> None:
        """Close those that nobody uses, and the others once they are given back."""
        with self._changed:
            idle, self._idle, self._is_closed = self._idle, [], True
        for indexer in idle:
            indexer.close()

    def _taken(self) -> Indexer | None:
        with self._changed:
            indexer = self._idle.pop() if self._idle else None
        if indexer is not None and indexer.connection.is_replaced:
            indexer.close()
            return None
        return indexer

    def _give_back(self, indexer: Indexer) -> None:
        with self._changed:
            is_kept = not self._is_closed and len(self._idle) < _IDLE_MOST
            if is_kept:
                self._idle.append(indexer)
        if not is_kept:
            indexer.close()
