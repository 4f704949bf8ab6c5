"""What artifacts are as a whole, whose records are not all of them: those that several processes made, and those that
have the entries of a version before beside their own.

Records with one distributed id are the parts of one artifact, which is whole when one of them says so: with all that
were recorded since the one before was whole. An incremental artifact lies over its base: the one that its move names,
or the one before it where a tool says none.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runstore.core.manifest import content_digest
from runstore.errors import UsageError
from runstore.index.artifacts.logged import LoggedRow

_KEPT = 64  # contents that are kept at hand, since the next may lie over them


@dataclass(frozen=True)
class Whole:
    """An artifact with the digest of all that is in it; `parts` are all its records, in order of time.

    `below` is the one whose entries it has beside its own.
    """

    row: LoggedRow
    digest: str
    parts: tuple[LoggedRow, ...]
    below: Whole | None = None


def wholes(connection: sqlite3.Connection, rows: Iterable[LoggedRow]) -> list[Whole]:
    """Return the artifacts that the records of one collection make, in order of time; parts of none are left out."""
    found: list[Whole] = []
    by_client_id: dict[str, Whole] = {}
    contents = _Contents(connection)
    for parts in sorted(_groups(_without_copies(rows)), key=lambda parts: parts[-1].when):
        row = parts[-1]
        below = by_client_id.get(row.base)
        if below is None and not row.base and row.claim is None:
            below = found[-1] if found else None
        whole = _whole(contents, parts, below if row.incremental else None)
        found.append(whole)
        by_client_id.update((part.client_id, whole) for part in parts)
    return found


def _whole(contents: _Contents, parts: Sequence[LoggedRow], below: Whole | None) -> Whole:
    row = parts[-1]
    if len(parts) == 1 and below is None:
        return Whole(row, row.digest, (row,))
    return Whole(row, contents.digest(parts, below), tuple(parts), below)


def _without_copies(rows: Iterable[LoggedRow]) -> list[LoggedRow]:
    """Return the records that say different things, in order of time; of equal ones the first."""
    by_content: dict[LoggedRow, LoggedRow] = {}
    for row in rows:
        by_content.setdefault(row._replace(log=0, place=0), row)
    return sorted(by_content.values(), key=lambda row: (row.when, row.finalize, row.digest))


def _groups(rows: Sequence[LoggedRow]) -> Iterator[list[LoggedRow]]:
    waiting: dict[str, list[LoggedRow]] = {}
    for row in rows:
        if not row.distributed_id:
            yield [row]
            continue
        waiting.setdefault(row.distributed_id, []).append(row)
        if row.finalize:
            yield waiting.pop(row.distributed_id)


class _Contents:
    """The entries of artifacts by path, as far as records hold them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[int, int], dict[str, str] | None] = {}

    def digest(self, parts: Sequence[LoggedRow], below: Whole | None) -> str:
        """Return the digest of entries over those below; where a record has none of them, one of their digests."""
        digests = self._of(parts, below)
        if digests is not None:
            try:
                return content_digest(digests, parts[-1].algorithm)
            except UsageError:  # that algorithm is not to be had here
                pass
        named = [below.digest if below else "", *sorted(part.digest for part in parts)]
        return hashlib.md5("\n".join(named).encode(), usedforsecurity=False).hexdigest()

    def _of(self, parts: Sequence[LoggedRow], below: Whole | None) -> dict[str, str] | None:
        chain = [parts]
        while below is not None and (below.row.log, below.row.place) not in self._known:
            chain.append(below.parts)
            below = below.below
        over = self._known[below.row.log, below.row.place] if below is not None else {}
        for each in reversed(chain):
            own = self._own(each)
            over = None if over is None or own is None else {**over, **own}
            self._known[each[-1].log, each[-1].place] = over
            if len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return over

    def _own(self, parts: Sequence[LoggedRow]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for part in parts:
            at = part.log, part.place
            query = "SELECT entries FROM artifacts WHERE log = ? AND place = ?"
            if self._connection.execute(query, at).fetchone() == (None,):
                return None
            query = "SELECT path, digest FROM artifact_entries WHERE log = ? AND place = ?"
            found.update(self._connection.execute(query, at))
        return found
