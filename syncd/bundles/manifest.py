"""What a bundle says of itself: which runs are in it, which bytes of which logs, which files. No I/O here.

A manifest is canonical JSON: sorted keys, no blanks, no names of machines and no times but those of files, so that the
same content gives the same bytes. Every part of a bundle carries the whole description of the runs, and names its own
members in the order in which they lie in it. How one that comes from strangers is read: parsing.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import orjson

from runstore.core.segments import Mark
from runstore.errors import RunstoreError
from runstore.syncd.remotes.base import FileEntry

FORMAT = 1
# A member is no longer than this, whatever it is a piece of: what reads one keeps bounds, and tar's old form has room.
MOST_MEMBER_BYTES = 1 << 30
# Logs and files of one bundle; for more there are several bundles. Whoever reads a manifest has all of it in memory.
MOST_ENTRIES = 500_000
MOST_PARTS = 100_000
# Of the JSON: 500,000 entries with paths of 100 characters have 150 MB.
MOST_MANIFEST_BYTES = 256 << 20


class WrongBundle(RunstoreError):
    """A bundle is damaged, cut off, forged, or none at all. Nothing of it was kept."""


@dataclass(frozen=True, order=True)
class Piece:
    """Bytes from `start` up to, not including, `end` of a log or of a file: what one member of a part holds.

    `kind` is "logs", with the log's id as `digest`, or "blobs", with the SHA-256 of the whole file.
    """

    kind: str
    digest: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """What the member is called in the tar archive."""
        return f"{self.kind}/{self.digest}/{self.start}-{self.end}"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.start


@dataclass(frozen=True)
class Member:
    """A piece, and what proves its bytes: their SHA-256, or of a log from its beginning its `log_proof`."""

    piece: Piece
    proof: str


@dataclass(frozen=True)
class BundledLog:
    """The bytes of a log from `start.size` up to `end.size`, and the files beside it as they are now.

    `before` and `mark` are what the first bytes up to there digest to; `records` whole records end before the latter.
    `changed_at` is when the last of the files in its folder `files` was changed, carried or not, in nanoseconds since
    the epoch, 0 for unknown: of two states of the same log it tells which is the later.
    """

    log_id: str
    folder: str  # name of the run directory
    name: str  # of the log in it
    before: Mark
    mark: Mark
    records: int
    files: tuple[FileEntry, ...] = ()
    changed_at: int = 0


@dataclass(frozen=True)
class BundledRun:
    """A run, and its logs, edits of it among them."""

    entity: str
    project: str
    run_id: str
    logs: tuple[BundledLog, ...]

    @property
    def path(self) -> str:
        """`entity/project/id`, as far as there are an entity and a project."""
        return "/".join(filter(None, (self.entity, self.project, self.run_id)))


@dataclass(frozen=True)
class Content:
    """What a bundle holds, whatever its parts: `previous` is the id of the bundle that it goes on from, or "".

    `partial` says what was left out or made unreadable on purpose, and "" where nothing was: else it delivers nothing.
    """

    runs: tuple[BundledRun, ...]
    previous: str = ""
    partial: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the content as the manifest has it."""
        return {
            "previous": self.previous,
            "partial": self.partial,
            "runs": [
                {
                    "entity": run.entity,
                    "project": run.project,
                    "run_id": run.run_id,
                    "logs": [_log_as_json(log) for log in run.logs],
                }
                for run in self.runs
            ],
        }

    @cached_property  # which many ask for, of a content that may be large
    def id(self) -> str:
        """What names the bundle: the digest of its content."""
        return hashlib.sha256(canonical(self.as_json())).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What one part says: the content of the whole bundle, which part this is, and its members in order."""

    content: Content
    part: int = 1  # counted from 1
    parts: int = 1
    members: Sequence[Member] = ()

    @property
    def bundle(self) -> str:
        """The bundle's id."""
        return self.content.id

    def encoded(self) -> bytes:
        """Return the bytes that lie in the part, and that are signed."""
        proven = whole_pieces(self.content)
        members = [
            {"name": one.piece.name} if one.piece in proven else {"name": one.piece.name, "sha256": one.proof}
            for one in self.members
        ]
        about = {"format": FORMAT, "bundle": self.bundle, "part": self.part, "parts": self.parts, "members": members}
        return canonical({**about, "content": self.content.as_json()})


def canonical(value: object) -> bytes:
    """Return JSON that is the same for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def pieces_of(content: Content) -> list[Piece]:
    """Return the pieces of all that is in a bundle, each as long as a member may be, in order, each once."""
    found: set[Piece] = set()
    for run in content.runs:
        for log in run.logs:
            found.update(cut("logs", log.log_id, log.before.size, log.mark.size))
            for file in log.files:
                found.update(cut("blobs", file.sha256, 0, file.size))
    return sorted(found)


def whole_pieces(content: Content) -> dict[Piece, str]:
    """Return the pieces that the content itself proves, and by what: whole files, and logs from their beginning on."""
    found: dict[Piece, str] = {}
    for run in content.runs:
        for log in run.logs:
            if not log.before.size:
                found[Piece("logs", log.log_id, 0, log.mark.size)] = log_proof(log.mark)
            found.update((Piece("blobs", file.sha256, 0, file.size), file.sha256) for file in log.files)
    return found


def log_proof(mark: Mark) -> str:
    """Return what proves all bytes of a log up to a mark, as hex, twice as long as a SHA-256."""
    return mark.chain + mark.open_digest


def cut(kind: str, digest: str, start: int, end: int, most: int = MOST_MEMBER_BYTES) -> list[Piece]:
    """Return the pieces of a range, none longer than `most` bytes; one of no bytes is one piece for a file."""
    if start == end and kind == "logs":
        return []
    places = [*range(start, end, most), end] if start < end else [start, end]
    return [Piece(kind, digest, first, behind) for first, behind in pairwise(places)]


def _log_as_json(log: BundledLog) -> dict[str, Any]:
    return {
        "log_id": log.log_id,
        "folder": log.folder,
        "name": log.name,
        "before": _mark_as_json(log.before),
        "mark": _mark_as_json(log.mark),
        "records": log.records,
        "changed_at": log.changed_at,
        "files": [
            {"folder": file.folder, "path": file.path, "size": file.size, "sha256": file.sha256} for file in log.files
        ],
    }


def _mark_as_json(mark: Mark) -> dict[str, Any]:
    return {"size": mark.size, "chain": mark.chain, "open_digest": mark.open_digest}


def described(runs: Sequence[BundledRun]) -> str:
    """Return how much there is, in a few words."""
    logs = sum(len(run.logs) for run in runs)
    return f"{len(runs):,} run{'s' * (len(runs) != 1)}, {logs:,} log{'s' * (logs != 1)}"
