"""What a server holds of a run when its delivery begins, compared with what we know that it was given.

Its line counts are never trusted blindly: rows that we know nothing of are ours only if the last of them is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runstore.errors import RemoteConflict
from runstore.syncd.remotes.runs import HISTORY, RunRemote, ServerRun
from runstore.syncd.runwise.content.snapshot import RunSnapshot
from runstore.syncd.runwise.progress import STREAMS, LogProgress


@dataclass
class Agreement:
    """The run as the server has it; None for one that it does not know.

    `held` lines of each stream are there, and need not be sent if `last_row` is the last row of them; `are_ours` says
    that they were sent from here.
    """

    run: ServerRun | None
    held: Mapping[str, int] = field(default_factory=dict)
    last_row: Mapping[str, Any] | None = None
    are_ours: bool = False
    is_gone: bool = False  # what the server was given of it before, it does not have any more
    is_blind: bool = False  # the server can't say what it has

    def is_last_row(self, row: str) -> bool:
        """Return whether a row is the last of those that the server holds; if it does not say, none is."""
        return self.last_row is not None and _spelled(json.loads(row)) == _spelled(self.last_row)

    def without_held(self, run: RunSnapshot, remote: RunRemote, progress: Sequence[LogProgress]) -> Agreement:
        """Return how to go on where the rows that the server holds are not those that they should be.

        What was sent from here is sent again, and a run that goes on with another goes on behind its rows. Else they
        are somebody's: raises RemoteConflict, and nothing was sent.
        """
        if self.run is None or self.are_ours:
            return Agreement(self.run)
        first = run.parts[0]
        if first.kind == "rewind":
            return _gone_on_behind(remote.rewind(self.run, first.starting_step - 1), progress)
        if run.is_resuming or first.kind == "resume":
            return _gone_on_behind(self.run, progress)
        raise foreign_rows(self.run)


def agree(remote: RunRemote, run: RunSnapshot, progress: Sequence[LogProgress]) -> Agreement:
    """Ask what the server holds, and bring `progress` in line with it."""
    known = next((one for one in progress if one.storage_id), None)
    entity, project = (known.entity, known.project) if known else remote.place_of(run.entity, run.project)
    found = remote.find(entity, project, run.run_id)
    gone = False
    if found is not None and not found.storage_id and known is None:
        return Agreement(None, is_blind=True)
    if known is not None and (found is None or found.storage_id not in ("", known.storage_id)):
        for one in progress:
            one.forget()
        known = None
        gone = True
    if found is None:
        return Agreement(None, is_gone=gone)
    if known is not None:
        return _as_known(found, progress)
    held = dict(found.lines) if found.lines.get(HISTORY) else {}
    return Agreement(found, held, found.last_row, is_gone=gone)


def _as_known(found: ServerRun, progress: Sequence[LogProgress]) -> Agreement:
    """Return how to go on where we know what was sent. More than that may be there: it was sent, and not noted."""
    sent = {stream: max(one.end(stream) for one in progress) for stream in STREAMS}
    if all(found.lines.get(stream, count) >= count for stream, count in sent.items()):
        return Agreement(found)
    for one in progress:
        one.begin_anew()
    held = {stream: min(count, found.lines.get(stream, count)) for stream, count in sent.items()}
    return Agreement(found, held, found.last_row, are_ours=True)


def _gone_on_behind(found: ServerRun, progress: Sequence[LogProgress]) -> Agreement:
    """Let the lines of a run that goes on with one that the server holds, and we don't, come behind its lines."""
    step = (found.last_row or {}).get("_step", -1)
    base = {**found.lines, "step": step if isinstance(step, int) else -1}
    for one in progress:
        one.base = base
    return Agreement(found)


def _spelled(row: Mapping[str, Any]) -> str:
    """Return a row as text that is the same for the same values, whatever their order; NaN is NaN."""
    return json.dumps(row, sort_keys=True)


def foreign_rows(run: ServerRun) -> RemoteConflict:
    """Return the error for rows at the server that can't be shown to be those of the logs."""
    where = "/".join((run.entity, run.project, run.run_id))
    return RemoteConflict(
        f"the server holds {run.lines.get(HISTORY, 0):,} rows of {where} that are not the first of these logs, so "
        "nothing was sent. Delete that run there, or send these to another project: runstore sync --project NAME"
    )


def rows_of_unknown_place(run: ServerRun | None) -> RemoteConflict:
    """Return the error for rows of ours behind rows of others, of which no receipt says any more how many are whose."""
    where = "/".join((run.entity, run.project, run.run_id)) if run else "the run"
    return RemoteConflict(
        f"the server has rows of these logs behind others of {where}, and the receipts that say which are gone "
        "(run-*.runstore.json), so nothing was sent. Put them back, or delete that run there if all of it is here"
    )


def is_same_but_step(row: str, other: Mapping[str, Any]) -> bool:
    """Return whether a row has the values of another one, wherever both stand."""
    return _spelled({**json.loads(row), "_step": 0}) == _spelled({**other, "_step": 0})
