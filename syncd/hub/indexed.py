"""The hub's answers about runs, from the index that it keeps beside its logs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runstore.core.medianames import media_in
from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.points.history import sampled
from runstore.query.stored.run import StoredRun


class IndexedRuns:
    """Read an index for many threads at once: each question has a connection of its own."""

    def __init__(self, index: Path) -> None:
        self._index = index

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, in the order in which they were begun."""
        with self._api() as api:
            return [run.as_json() for run in api.select()]

    def run(self, path: str) -> dict[str, Any]:
        """Return one run; raises NotFound, and UsageError where the path fits several."""
        with self._api() as api:
            return api.run(path).as_json()

    def history(self, path: str, keys: Sequence[str], samples: int | None) -> list[dict[str, Any]]:
        """Return a run's rows; raises NotFound for a run or a metric that is not there."""
        with self._api() as api:
            run = api.run(path)
            _check(run, keys)
            rows = list(run.scan_history(list(keys) or None))
            return rows if samples is None else sampled(rows, samples)

    @contextmanager
    def _api(self) -> Iterator[Api]:
        api = Api(self._index, refresh=False)
        try:
            yield api
        finally:
            api.close()


def _check(run: StoredRun, keys: Sequence[str]) -> None:
    known = run.keys
    there = {*known, *media_in(known), "_step"}
    for key in keys:
        if key not in there:
            near = difflib.get_close_matches(key, known, 3, 0.4) or known[:3]
            raise NotFound(f"run {run.id} has no metric {key!r}; it has {', '.join(near) or 'none'}")
