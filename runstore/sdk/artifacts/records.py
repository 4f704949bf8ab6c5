"""Records of artifacts: what a log says of one that is logged, exactly as W&B's library has it."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass, field

from runstore.blobs.store import BlobStore
from runstore.core.manifest import MANIFEST_VERSION, STORAGE_POLICY, Manifest, ManifestEntry
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import ArtifactManifest, ArtifactRecord, Record
from runstore.sdk.artifacts.facts import ArtifactFacts
from runstore.sdk.values import storable
from runstore.settings import Settings

# More entries than this would make a record that is too large for protobuf; they go to a file, as stock tools have it.
MAX_ENTRIES_IN_RECORD = 100_000


@dataclass(frozen=True)
class Manner:
    """How an artifact is logged."""

    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    distributed_id: str = ""
    finalize: bool = True
    as_input: bool = False
    numbered: bool = True  # False: nobody waits for the number, which the index gives it later

    @property
    def is_part(self) -> bool:
        """Whether more is to come, of other runs."""
        return bool(self.distributed_id) and not self.finalize


def artifact_record(
    artifact: ArtifactFacts, manner: Manner, run_id: str, settings: Settings, store: BlobStore
) -> bytes:
    """Return the body of the record of an artifact whose bytes are in the store."""
    record = ArtifactRecord(
        run_id=run_id,
        project=storable(settings.project),
        entity=storable(settings.entity),
        type=storable(artifact.type),
        name=artifact.base_name,
        digest=artifact.digest,
        description=storable(artifact.description or ""),
        metadata=wire.dumps(artifact.metadata) if artifact.metadata else "",
        user_created=manner.as_input,
        use_after_commit=manner.as_input,
        aliases=map(storable, manner.aliases),
        manifest=_manifest(artifact.manifest, store),
        distributed_id=storable(manner.distributed_id),
        finalize=manner.finalize,
        client_id=artifact.client_id,
        sequence_client_id=artifact.sequence_client_id,
        ttl_duration_seconds=artifact.ttl_seconds,
        tags=map(storable, manner.tags),
        digest_algorithm=artifact.digest_algorithm,
        incremental_beta1=artifact.incremental,
    )
    return codec.encode(Record(artifact=record))


def _manifest(manifest: Manifest, store: BlobStore) -> ArtifactManifest:
    record = ArtifactManifest(version=MANIFEST_VERSION, storage_policy=STORAGE_POLICY)
    if len(manifest) > MAX_ENTRIES_IN_RECORD:
        record.manifest_file_path = _manifest_file(manifest, store)
        return record
    for key, value in manifest.storage_policy_config().items():
        record.storage_policy_config.add(key=key, value_json=wire.dumps(value))
    for entry in sorted(manifest, key=lambda found: found.path):
        _add_entry(record, entry)
    return record


def _manifest_file(manifest: Manifest, store: BlobStore) -> str:
    """Write the entries to a file of one line of JSON each, compressed, and return its path."""
    lines = (json.dumps(entry.to_json()) + "\n" for entry in manifest)
    packed = gzip.compress("".join(lines).encode(), compresslevel=1, mtime=0)
    return os.path.abspath(store.put(packed).path)


def _add_entry(record: ArtifactManifest, entry: ManifestEntry) -> None:
    added = record.contents.add(
        path=entry.path,
        digest=storable(entry.digest),
        ref=storable(entry.ref or ""),
        size=entry.size or 0,
        local_path=storable(entry.local_path or ""),
        birth_artifact_id=entry.birth_artifact_id or "",
        skip_cache=entry.skip_cache,
    )
    for key, value in entry.extra.items():
        added.extra.add(key=key, value_json=wire.dumps(value))
