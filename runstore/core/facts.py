"""What a log says beside metrics, config and output: files, artifacts, alerts, system metrics, edits of stored runs.

Each is one fact, made of one record, and kept as it was said: nothing here is folded, later facts don't change earlier
ones. Records name no time for most of them; whoever keeps them knows the latest time that a record before them showed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from runstore.core.edits import Edit, edit_of
from runstore.core.manifest import ALGORITHM_KEY, MD5, XXH128
from runstore.core.moves import Move, move_of
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactManifest, ArtifactManifestEntry, ArtifactRecord, FilesItem, Record

_END_OF_TIME_MS = 253_402_300_800_000  # the year 10000, which no calendar of ours has
_POLICIES = {FilesItem.NOW: "now", FilesItem.END: "end", FilesItem.LIVE: "live"}
_TYPES = {FilesItem.OTHER: "other", FilesItem.WANDB: "wandb", FilesItem.MEDIA: "media", FilesItem.ARTIFACT: "artifact"}


@dataclass(frozen=True)
class SystemSample:
    """Numbers that were measured of the machine at one time, in milliseconds since the epoch."""

    time_ms: int
    values: dict[str, float | int]


@dataclass(frozen=True)
class FileNamed:
    """A file below `files` belongs to the run; policy now, end or live, type other, wandb, media or artifact."""

    path: str
    policy: str
    type: str


@dataclass(frozen=True)
class ArtifactEntry:
    """One file, or reference, of an artifact; `size` in bytes, `algorithm` is that of the digest.

    `extra` is what else the record says of it by name, such as an ETag.
    """

    path: str
    digest: str
    size: int
    ref: str
    local_path: str
    algorithm: str = MD5
    extra: str = "{}"  # JSON


@dataclass(frozen=True)
class ArtifactNamed:
    """The run made an artifact, or used one. What a log does not say is empty; `entries` are None then."""

    used: bool
    type: str
    name: str
    version: str = ""
    digest: str = ""
    client_id: str = ""
    description: str = ""
    metadata: str = "{}"  # JSON
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    entries: tuple[ArtifactEntry, ...] | None = None
    manifest_file: str = ""
    distributed_id: str = ""  # the same for the parts of an artifact that several processes make
    finalize: bool = True  # False: a part, and not the last one
    incremental: bool = False
    ttl_seconds: int = 0  # as in the record
    algorithm: str = MD5  # of the digest


@dataclass(frozen=True)
class AlertSent:
    """The program sent an alert; `wait_ms` is the least time between two of one title."""

    title: str
    text: str
    level: str
    wait_ms: int


Fact: TypeAlias = SystemSample | FileNamed | ArtifactNamed | Move | AlertSent | Edit


def facts_of(record: Record) -> Iterator[Fact]:
    """Yield what a record says of this kind; nothing for one that says none of this."""
    say = _SAYS.get(record.WhichOneof("record_type") or "")
    if say is not None:
        yield from say(record)


def _stats(record: Record) -> Iterator[Fact]:
    stamp = record.stats.timestamp
    time_ms = stamp.seconds * 1000 + stamp.nanos // 1_000_000
    if not 0 <= time_ms < _END_OF_TIME_MS:  # damage that no checksum saw; nobody could ask for such a time
        return
    values = {item.key: codec.loads(item.value_json) for item in record.stats.item}
    numbers = {key: _storable(value) for key, value in values.items() if type(value) in (int, float)}
    if numbers:
        yield SystemSample(time_ms, numbers)


def _storable(number: float | int) -> float | int:
    return number if type(number) is float or -(1 << 63) <= number < 1 << 63 else float(number)


def _files(record: Record) -> Iterator[Fact]:
    for item in record.files.files:
        yield FileNamed(item.path, _POLICIES.get(item.policy, "now"), _TYPES.get(item.type, "other"))


def _artifact(record: Record) -> Iterator[Fact]:
    artifact = record.artifact
    yield ArtifactNamed(
        used=artifact.user_created and artifact.use_after_commit,
        type=artifact.type,
        name=artifact.name,
        digest=artifact.digest,
        client_id=artifact.client_id,
        description=artifact.description,
        metadata=_metadata(artifact),
        aliases=tuple(artifact.aliases),
        tags=tuple(artifact.tags),
        entries=_entries(artifact.manifest),
        manifest_file=artifact.manifest.manifest_file_path,
        distributed_id=artifact.distributed_id,
        finalize=artifact.finalize or not artifact.distributed_id,
        incremental=artifact.incremental_beta1,
        ttl_seconds=artifact.ttl_duration_seconds,
        algorithm=XXH128 if XXH128 in artifact.digest_algorithm else MD5,
    )


def _metadata(artifact: ArtifactRecord) -> str:
    known: Any = codec.loads(artifact.metadata) if artifact.metadata else {}
    return artifact.metadata if isinstance(known, dict) and known else "{}"


def _entries(manifest: ArtifactManifest) -> tuple[ArtifactEntry, ...] | None:
    if manifest.manifest_file_path:
        return None
    by_path = {entry.path: entry for entry in manifest.contents}
    return tuple(
        ArtifactEntry(path, e.digest, e.size, e.ref, e.local_path, _algorithm(e), _extra(e))
        for path, e in by_path.items()
    )


def _algorithm(entry: ArtifactManifestEntry) -> str:
    said = [codec.loads(extra.value_json) for extra in entry.extra if extra.key == ALGORITHM_KEY]
    return XXH128 if XXH128 in said else MD5


def _extra(entry: ArtifactManifestEntry) -> str:
    if not entry.extra:
        return "{}"
    return json.dumps({extra.key: codec.loads(extra.value_json) for extra in entry.extra}, ensure_ascii=False)


def _use_artifact(record: Record) -> Iterator[Fact]:
    use = record.use_artifact
    name, _, version = use.name.rpartition("/")[2].partition(":")
    yield ArtifactNamed(used=True, type=use.type, name=name, version=version, client_id=use.id)


def _alert(record: Record) -> Iterator[Fact]:
    alert = record.alert
    yield AlertSent(alert.title, alert.text, alert.level or "INFO", alert.wait_duration)


def _footer(record: Record) -> Iterator[Fact]:
    if record.footer.HasField("edit"):
        yield edit_of(record.footer.edit)
    if record.footer.HasField("artifact"):
        yield move_of(record.footer.artifact)


_SAYS: dict[str, Callable[[Record], Iterator[Fact]]] = {
    "stats": _stats,
    "files": _files,
    "artifact": _artifact,
    "use_artifact": _use_artifact,
    "alert": _alert,
    "footer": _footer,
}
