"""What changed in the index since somebody asked last: which runs, and whether some came or went.

The index keeps no count of its changes; what it has read of each log, and the edits made to each run, say the same.
That takes two queries, milliseconds with 10,000 runs. The state of a run also depends on the present: those that were
running are looked at each time.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from runstore.core.identity import RunPath
from runstore.index.state import RUNNING
from runstore.query.filtering.brief import states_of

_MOST_NAMED = 200  # runs that one answer names; beyond, everything has changed
_SHARE = 10  # a look may take a tenth of the time, however many ask
_LIVE = (RUNNING, "preempting")
_LOGS = (
    "SELECT r.id, r.entity, r.project, r.run_id, r.exit_code, count(*), sum(l.indexed), sum(l.lost_bytes)"
    " FROM logs AS l JOIN runs AS r ON l.run = r.id GROUP BY r.id"
)
_EDITS = "SELECT entity, project, run_id, count(*), max(made_ns) FROM edits GROUP BY entity, project, run_id"


@dataclass(frozen=True)
class Changed:
    """What changed since a cursor; `everything`: more than is named here."""

    cursor: str
    runs: list[RunPath]
    listed: bool  # runs came or went
    everything: bool
    live: int  # how many runs are running now


class Changes:
    """Follows one index for all who ask; called from several threads, each with a connection of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._epoch = secrets.token_hex(4)  # cursors of another process mean nothing here
        self._turn = 0
        self._rest_until = -1.0
        self._marks: dict[RunPath, tuple[object, ...]] = {}
        self._changed: dict[RunPath, int] = {}  # the turn of the last change
        self._listed = 0  # the turn in which a run came or went last
        self._live: set[RunPath] = set()

    def since(self, connection: sqlite3.Connection, cursor: str) -> Changed:
        """Return what changed since the answer that had this cursor; for an unknown one, everything."""
        with self._lock:
            begun = self._clock()
            if begun >= self._rest_until:
                self._look(connection)
                self._rest_until = begun + _SHARE * (self._clock() - begun)
            epoch, _, text = cursor.partition(".")
            is_known = epoch == self._epoch and text.isascii() and text.isdigit()
            turn = int(text) if is_known else 0
            runs = [run for run, changed in self._changed.items() if changed > turn] if is_known else []
            everything = not is_known or len(runs) > _MOST_NAMED
            return Changed(
                f"{self._epoch}.{self._turn}",
                [] if everything else runs,
                self._listed > turn,
                everything,
                len(self._live),
            )

    def _look(self, connection: sqlite3.Connection) -> None:
        """Compare the index with what it was."""
        seen = _seen(connection)
        marks = {run: one.mark for run, one in seen.items()}
        changed = {run for run, mark in marks.items() if self._marks.get(run) != mark}
        came_or_went = marks.keys() ^ self._marks.keys()
        # Of those that have not ended: one that was not running begins to only when its log grows.
        asked = {run: one.place for run, one in seen.items() if one.is_open and (run in changed or run in self._live)}
        states = states_of(connection, list(asked.values()))
        live = {run for run, place in asked.items() if states.get(place) in _LIVE}
        changed |= (live ^ self._live) & marks.keys()
        if self._turn and not (changed or came_or_went):
            return
        self._turn += 1
        if self._turn > 1:
            self._changed.update(dict.fromkeys(changed, self._turn))
        for run in came_or_went - marks.keys():
            self._changed.pop(run, None)
        self._listed = self._turn if came_or_went else self._listed
        self._marks, self._live = marks, live


class _Seen(NamedTuple):
    """A run as the index has it now."""

    place: int
    is_open: bool  # no exit record
    mark: tuple[object, ...]  # another one as soon as anything is known of the run that was not before


def _seen(connection: sqlite3.Connection) -> dict[RunPath, _Seen]:
    edits = {RunPath(*row[:3]): row[3:] for row in connection.execute(_EDITS)}
    seen = {}
    for place, entity, project, run_id, exit_code, *read in connection.execute(_LOGS):
        run = RunPath(entity, project, run_id)
        seen[run] = _Seen(place, exit_code is None, (*read, edits.get(run)))
    return seen
