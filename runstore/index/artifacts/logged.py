"""The artifacts that logs say were logged under one name in a project, as rows."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from runstore.core.moves import CollectionPath

_LATEST = 9e9  # seconds since the epoch, the year 2255: what damage makes of a time must still fit


class LoggedRow(NamedTuple):
    """One record of an artifact. `made_ns`, `claim` and `base` are of its move; `has_move` is False without one."""

    log: int
    place: int
    type: str
    client_id: str
    digest: str
    made_ns: int
    claim: int | None
    aliases: tuple[str, ...]  # none with a move: that names them
    distributed_id: str
    finalize: bool
    incremental: bool
    base: str
    has_move: bool
    algorithm: str

    @property
    def when(self) -> tuple[int, str]:
        """What artifacts are ordered by."""
        return self.made_ns, self.client_id


_COLUMNS = (
    "SELECT a.log, a.place, a.type, a.client_id, a.digest, a.time, a.aliases, a.distributed_id, a.finalize,"
    " a.incremental, a.algorithm, m.made_ns, m.version, m.base"
    " FROM artifacts AS a JOIN logs AS l ON l.id = a.log JOIN runs AS r ON r.id = l.run"
    " LEFT JOIN moves AS m ON m.log = a.log AND m.place = a.move WHERE a.digest <> ''"
)
_IN_ORDER = " ORDER BY l.path, a.place"


def logged_into(connection: sqlite3.Connection, collection: CollectionPath) -> list[LoggedRow]:
    """Return what was logged into a collection, in order of path; what a run only uses has no digest."""
    where = " AND a.name = ? AND r.project = ? AND r.entity = ?"
    path = collection.name, collection.project, collection.entity
    return [_row(*columns) for columns in connection.execute(_COLUMNS + where + _IN_ORDER, path)]


def logged_behind(connection: sqlite3.Connection, log: int, place: int) -> list[tuple[str, LoggedRow]]:
    """Return what a log says that it logged, from this place on, in its order, each with its name."""
    names = dict(connection.execute("SELECT place, name FROM artifacts WHERE log = ? AND place >= ?", (log, place)))
    where = " AND a.log = ? AND a.place >= ?"
    rows = [_row(*columns) for columns in connection.execute(_COLUMNS + where + _IN_ORDER, (log, place))]
    return [(names[row.place], row) for row in rows]


def home_of(connection: sqlite3.Connection, client_id: str) -> tuple[CollectionPath, LoggedRow] | None:
    """Return an artifact and the collection that it was logged into; None where its log isn't here."""
    found = connection.execute(
        "SELECT r.entity, r.project, a.name, a.log, a.place FROM artifacts AS a JOIN logs AS l ON l.id = a.log"
        " JOIN runs AS r ON r.id = l.run WHERE a.client_id = ? AND a.digest <> '' ORDER BY l.path, a.place LIMIT 1",
        (client_id,),
    ).fetchone()
    if found is None:
        return None
    where = " AND a.log = ? AND a.place = ?"
    return CollectionPath(*found[:3]), _row(*connection.execute(_COLUMNS + where, found[3:]).fetchone())


def _row(
    log: int,
    place: int,
    kind: str,
    client_id: str,
    digest: str,
    time: float,
    aliases: str,
    distributed_id: str,
    finalize: int,
    incremental: int,
    algorithm: str,
    made_ns: int | None,
    claim: int | None,
    base: str | None,
) -> LoggedRow:
    has_move = made_ns is not None
    return LoggedRow(
        log,
        place,
        kind,
        client_id,
        digest,
        _moment(time, place) if made_ns is None else made_ns,
        claim,
        () if has_move else tuple(json.loads(aliases)),
        distributed_id,
        bool(finalize),
        bool(incremental),
        base or "",
        has_move,
        algorithm,
    )


def _moment(time: float, place: int) -> int:
    """Return when an artifact was logged, where no move says it: of what one log says at one time in its order."""
    return int(min(max(time, 0.0), _LATEST) * 1e9) + place
