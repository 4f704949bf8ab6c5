"""The index, for many requests at once: each question has a connection of its own, which others use after it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runstore.errors import IndexDamaged
from runstore.query.api import Api
from runstore.query.artifacts.contents import ManifestPlaces
from runstore.query.stored.run import StoredRun
from runstore.query.stored.unread import UnreadEdits
from runstore.web.asking import Asked, Question
from runstore.web.refs import parse_run_ref
from runstore.web.underway import UnderWay

_MOST_KEPT = 8


class Reader:
    """Hands out connections to one index; called from several threads."""

    def __init__(self, index: Path | None = None, manifests: ManifestPlaces | None = None) -> None:
        """`index` is the path of the index; None: this machine's. `manifests` is as for `Api`."""
        self.index = index
        self._manifests = manifests
        self._unread = UnreadEdits()
        self._idle: queue.LifoQueue[Api] = queue.LifoQueue(_MOST_KEPT)

    @contextmanager
    def api(self) -> Iterator[Api]:
        """Lend the runs of the index as it is now; nothing is brought up to date here."""
        api = self._taken()
        try:
            yield api
        except BaseException:
            api.close()
            raise
        if api.is_stopped:  # just when it was done
            api.close()
            return
        try:
            self._idle.put_nowait(api)
        except queue.Full:
            api.close()

    def answer(self, question: Question, asked: Asked, under_way: UnderWay | None = None) -> object:
        """Return the answer to a question. Raises Stopped where somebody stops it."""
        under_way = under_way or UnderWay()
        try:
            with self.api() as api, under_way.reading(api):
                return question(api, asked)
        except IndexDamaged:  # it was set aside, and a new one is there
            with self.api() as api, under_way.reading(api):
                return question(api, asked)

    def close(self) -> None:
        """Let all connections go."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _taken(self) -> Api:
        try:
            api = self._idle.get_nowait()
        except queue.Empty:
            return self._opened()
        if api.is_outdated:  # the index was damaged, and set aside
            api.close()
            return self._opened()
        return api

    def _opened(self) -> Api:
        return Api(self.index, refresh=False, manifests=self._manifests, unread=self._unread)


def run_of(api: Api, ref: str) -> StoredRun:
    """Return the run that a reference means. Raises NotFound."""
    return api.exactly(parse_run_ref(ref))
