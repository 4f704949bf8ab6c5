"""Changes of runs that are durable in their edit logs, and that the index has not read yet: shown all the same.

Whoever changes a run need not wait until nobody else writes to the index. What was changed stays here until it is read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runstore.core.edits import Edit
    from runstore.query.stored.changeable import ChangeableRun

_MOST_RUNS = 1000  # beyond, those that were changed first show what the index has


class Written(NamedTuple):
    """A change, and the edit log that it is in."""

    edit: Edit
    log: Path


class _Waiting(NamedTuple):
    written: Written
    size: int  # of the log with this change in it


class UnreadEdits:
    """Changes that were written by this process. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: OrderedDict[tuple[str, str, str], list[_Waiting]] = OrderedDict()

    def add(self, written: Written) -> None:
        """Show a change until the index has read it."""
        edit, log = written
        with self._lock:
            self._of.setdefault((edit.entity, edit.project, edit.run_id), []).append(
                _Waiting(written, log.stat().st_size)
            )
            while len(self._of) > _MOST_RUNS:
                self._of.popitem(last=False)

    def show(self, run: ChangeableRun) -> None:
        """Let a run that was read from the index show what was changed of it since."""
        key = run.entity, run.project, run.id
        if key not in self._of:
            return
        with self._lock:
            left = [one for one in self._of.get(key, ()) if not _is_read(run, one)]
            self._of[key] = left
            if not left:
                del self._of[key]
        for one in left:
            run.show(one.written.edit)


def _is_read(run: ChangeableRun, one: _Waiting) -> bool:
    """Whether the index has what is in an edit log, or that is gone."""
    path = one.written.log.resolve()
    found = run.connection.execute("SELECT indexed FROM logs WHERE path = ?", (str(path),)).fetchone()
    return found is not None and found[0] >= one.size if path.exists() else True
