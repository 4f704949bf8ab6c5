"""Which rows of which logs make up the history of a run: its own logs, and those of the run that it was forked from."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from runstore.core.stitch import SUPERSEDING, Fragment, Piece, cut, stitch

# Of copies of one log the last one counts: the one that says most, and where they say the same that of the first path.
_LOGS = (
    "SELECT log_id, branch_run, branch_step, id, path, kind, started_at, starting_step, last_step, rows + open_row"
    " FROM logs WHERE run = ? AND kind <> 'edit' ORDER BY indexed - lost_bytes, path DESC"
)


class _Branch(NamedTuple):
    """Where a run was forked from another one, which may not be known: its row, the last step that counts, when."""

    parent: int | None
    step: int
    time: float


def pieces_of(connection: sqlite3.Connection, run: int) -> list[Piece]:
    """Return how a run's own logs make up its history, in order. Copies of one log count once."""
    return inherited_and_own(connection, run)[1]


def lineage_of(connection: sqlite3.Connection, run: int) -> list[Piece]:
    """Return all pieces of a run's history, in order: what it has of the runs that it was forked from, then its own.

    Where such a run is not known, the history begins with the fork's own rows; once it is, its rows are there.
    """
    inherited, own = inherited_and_own(connection, run)
    return inherited + own


def inherited_and_own(connection: sqlite3.Connection, run: int) -> tuple[list[Piece], list[Piece]]:
    """Return what `lineage_of` returns in its two parts."""
    return _lineage(connection, run, frozenset())


def forks_of(connection: sqlite3.Connection, run: int) -> list[int]:
    """Return the runs that say that they were forked from this one."""
    found = connection.execute(
        "SELECT DISTINCT logs.run FROM runs AS parent JOIN logs ON logs.branch_run = parent.run_id"
        " JOIN runs AS fork ON fork.id = logs.run AND fork.entity = parent.entity AND fork.project = parent.project"
        " WHERE parent.id = ? AND logs.branch_run <> '' ORDER BY logs.run",
        (run,),
    )
    return [fork for (fork,) in found]


def _lineage(
    connection: sqlite3.Connection, run: int, below: frozenset[int], fork: _Branch | None = None
) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces of a run's ancestors and its own; `below` are its descendants that ask, `fork` where."""
    fragments, branch = _logs(connection, run)
    if fork is not None:
        fragments = _as_forked(fragments, fork)
    inherited: list[Piece] = []
    if branch is not None and branch.parent is not None and branch.parent not in below:
        of_its_parents, of_parent = _lineage(connection, branch.parent, below | {run}, branch)
        set_back = [fragment.starting_step for fragment in fragments if fragment.kind in SUPERSEDING]
        inherited = cut(of_its_parents + of_parent, min([branch.step + 1, *set_back]))
    return inherited, stitch(fragments, max((piece.last_step for piece in inherited), default=-1))


def _logs(connection: sqlite3.Connection, run: int) -> tuple[list[Fragment], _Branch | None]:
    by_content: dict[str, tuple[Fragment, str, int]] = {}
    for log_id, branch_run, branch_step, *facts in connection.execute(_LOGS, (run,)):
        fragment = Fragment(*facts)
        by_content[log_id or fragment.path] = fragment, branch_run, branch_step
    ordered = sorted(by_content.values(), key=lambda found: (found[0].started_at, found[0].path))
    branch = None
    for fragment, parent, step in ordered:
        if parent:
            branch = _Branch(_parent(connection, run, parent), step, fragment.started_at)
            break
    return [fragment for fragment, _, _ in ordered], branch


def _parent(connection: sqlite3.Connection, run: int, run_id: str) -> int | None:
    """Return the run of this id in the same project as `run`, if it is known."""
    found = connection.execute(
        "SELECT parent.id FROM runs AS fork JOIN runs AS parent"
        " ON parent.entity = fork.entity AND parent.project = fork.project AND parent.run_id = ? WHERE fork.id = ?",
        (run_id, run),
    ).fetchone()
    return int(found[0]) if found else None


def _as_forked(fragments: Sequence[Fragment], fork: _Branch) -> list[Fragment]:
    """Return the logs of a run, in order, that a fork of it knew: none from where it was set back afterwards."""
    known: list[Fragment] = []
    for fragment in fragments:
        if fragment.kind in SUPERSEDING and fragment.starting_step <= fork.step and fragment.started_at >= fork.time:
            break
        known.append(fragment)
    return known
