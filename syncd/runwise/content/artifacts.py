"""Artifacts as their log says them, with where their bytes are now.

Bytes in the run directory are there under names of their own and never change. Others, which stock tools leave where
they were, count only where they still have the digest that was logged, and where the log is the user's own: anybody
may write into a log what files it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runstore.core.facts import ArtifactNamed, facts_of
from runstore.core.manifest import ALGORITHM_KEY, MD5, hasher, hex_of
from runstore.core.rescued import list_blob
from runstore.errors import LogError, RemoteConflict, UsageError
from runstore.index.artifacts.lying import BLOBS, Wanted, places_here
from runstore.index.artifacts.manifestfile import ManifestMissing, entries_in
from runstore.index.rescue import securing
from runstore.runlog import codec
from runstore.runlog.live import LiveReader
from runstore.runlog.record_pb2 import ArtifactManifest, ArtifactManifestEntry, ArtifactRecord
from runstore.syncd.remotes.runs import ManifestEntry, OutgoingArtifact
from runstore.syncd.runwise.content.snapshot import LogPart


def artifact_at(part: LogPart, offset: int) -> OutgoingArtifact:
    """Return the artifact whose record is at `offset` of a log, as `walk` says it.

    Raises RemoteConflict where what is in it can't be told, NotFound and LogError where the log can't be read.
    """
    with LiveReader(part.log, offset) as reader:
        framed = reader.next()
    record = codec.decode(framed.payload) if framed is not None else None
    if record is None or not record.HasField("artifact"):
        raise LogError(f"{part.log}: there is no artifact at offset {offset:,} any more; nothing of it was sent")
    (named,) = (fact for fact in facts_of(record) if isinstance(fact, ArtifactNamed))
    return outgoing(record.artifact, named, part)


def outgoing(record: ArtifactRecord, named: ArtifactNamed, part: LogPart) -> OutgoingArtifact:
    """Return what a record says, `named` being what it says in our words, with the places of its bytes."""
    manifest = record.manifest
    try:
        entries = tuple(_entry(part, said) for said in _said_entries(manifest, part.log.parent))
    except (ManifestMissing, UsageError) as error:  # UsageError: a digest of a kind that nothing here can compute
        raise RemoteConflict(f"{record.name}: {error}; the artifact was not sent") from error
    return OutgoingArtifact(
        type=record.type,
        name=record.name,
        digest=record.digest,
        entries=entries,
        algorithm=record.digest_algorithm,
        description=record.description,
        metadata=record.metadata,
        aliases=tuple(record.aliases),
        tags=tuple(record.tags),
        client_id=record.client_id,
        sequence_client_id=record.sequence_client_id,
        distributed_id=record.distributed_id,
        is_final=named.finalize,
        is_output=not record.user_created,
        is_used=record.use_after_commit,
        is_incremental=record.incremental_beta1,
        base_id=record.base_id,
        ttl_seconds=record.ttl_duration_seconds,
        storage_policy=manifest.storage_policy or OutgoingArtifact.storage_policy,
        storage_config={item.key: codec.loads(item.value_json) for item in manifest.storage_policy_config},
        manifest_version=manifest.version or OutgoingArtifact.manifest_version,
    )


def _said_entries(manifest: ArtifactManifest, run_directory: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a manifest under W&B's names; of one that lies in a file, from there."""
    listed = manifest.manifest_file_path
    if listed:
        named = Path(listed)
        yield from entries_in((run_directory / BLOBS / list_blob(listed), run_directory / named, named), named)
        return
    for entry in {entry.path: entry for entry in manifest.contents}.values():
        yield _as_json(entry)


def _as_json(entry: ArtifactManifestEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "digest": entry.digest,
        "ref": entry.ref,
        "size": entry.size,
        "local_path": entry.local_path,
        "skip_cache": entry.skip_cache,
        "birthArtifactID": entry.birth_artifact_id,
        "extra": {extra.key: codec.loads(extra.value_json) for extra in entry.extra},
    }


def _entry(part: LogPart, said: Mapping[str, Any]) -> ManifestEntry:
    extra: Mapping[str, Any] = said.get("extra", {})
    ref, size = str(said.get("ref", "")), int(said.get("size", 0))
    algorithm = str(extra.get(ALGORITHM_KEY, MD5))
    wanted = Wanted(str(said.get("digest", "")), size, str(said.get("local_path", "")), str(part.log.parent), algorithm)
    return ManifestEntry(
        path=str(said["path"]),
        digest=wanted.digest,
        size=size,
        ref=ref,
        source=None if ref else _source(part, wanted),
        skip_cache=bool(said.get("skip_cache", False)),
        birth_artifact_id=str(said.get("birthArtifactID", "")),
        extra=extra,
    )


def _source(part: LogPart, wanted: Wanted) -> Path | None:
    """Return where the bytes are; None where they can't be had."""
    blobs = part.log.parent / BLOBS
    for place in places_here(wanted):
        if place.parent == blobs or (securing.is_own_file(part.log) and _has_digest(place, wanted)):
            return place
    return None


def _has_digest(place: Path, wanted: Wanted) -> bool:
    try:
        securing.checked(place, wanted.size or 0, hex_of(wanted.digest), hasher(wanted.algorithm))
    except (securing.NotSecured, ValueError, OSError):  # ValueError: a digest that is none
        return False
    return True
