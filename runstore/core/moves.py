"""How artifacts stand in collections: each move says what changed of one version, and when.

A collection is all versions of an artifact under one name in a project, or what people link to a name in a registry.
Moves are facts of a log, like the artifacts themselves; `core.versions` makes numbers and aliases of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from runstore.core.identity import NO_PROJECT
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactMove as MoveRecord
from runstore.runlog.record_pb2 import Record


class CollectionPath(NamedTuple):
    """`entity/project/name`; the entity is empty where none was given."""

    entity: str
    project: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)

    @classmethod
    def of(cls, entity: str, project: str, name: str) -> CollectionPath:
        """Return the path with the project that stands for none where none is given."""
        return cls(entity, project or NO_PROJECT, name)


@dataclass(frozen=True)
class Move:
    """One change of how the artifact `client_id` stands in a collection; None leaves what it is about as it is.

    `version` is the number that was free when the move was made, None for a move that asks for none. `linked` says
    that the artifact belongs to another collection and becomes a version of this one too, `removed` that it is no
    version of it any more. `base` is the client id of the version whose entries an incremental one has beside its own,
    "" for none. `made_ns` is in nanoseconds since the epoch, `ttl_seconds` as in the artifact's record.
    """

    made_ns: int
    client_id: str
    collection: CollectionPath
    type: str = ""
    version: int | None = None
    aliases: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    base: str = ""
    linked: bool = False
    removed: bool = False
    description: str | None = None
    metadata: str | None = None  # JSON
    tags: tuple[str, ...] | None = None
    ttl_seconds: int | None = None


def move_of(record: MoveRecord) -> Move:
    """Return what the record of a move says."""
    return Move(
        record.made_ns,
        record.client_id,
        CollectionPath.of(record.entity, record.project, record.collection),
        record.type,
        record.version if record.HasField("version") else None,
        tuple(record.aliases),
        tuple(record.dropped_aliases),
        record.base_client_id,
        record.linked,
        record.removed,
        record.description if record.HasField("description") else None,
        record.metadata if record.HasField("metadata") else None,
        tuple(record.tags.tag) if record.HasField("tags") else None,
        record.ttl_seconds if record.HasField("ttl_seconds") else None,
    )


def move_record(move: Move) -> bytes:
    """Return the body of the record that says this."""
    record = Record()
    said = record.footer.artifact
    said.made_ns, said.client_id, said.type = move.made_ns, move.client_id, move.type
    said.entity, said.project, said.collection = move.collection
    said.aliases.extend(move.aliases)
    said.dropped_aliases.extend(move.dropped)
    said.base_client_id, said.linked, said.removed = move.base, move.linked, move.removed
    for name in ("version", "description", "metadata", "ttl_seconds"):
        value = getattr(move, name)
        if value is not None:
            setattr(said, name, value)
    if move.tags is not None:
        said.tags.tag.extend(move.tags)
        said.tags.SetInParent()
    return codec.encode(record)
