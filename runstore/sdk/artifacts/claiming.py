"""Numbers of versions: claimed when an artifact is logged or linked, from the index of this machine.

Whoever claims holds the registry's lock until the records are written, so that no other process on this host takes the
same number. Where the index can't be had, or brought up to date in time, the artifact is logged without a number, which
the index gives it later: logging waits for nothing longer than that.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runstore.core.manifest import ALGORITHM_KEY, MD5
from runstore.core.moves import CollectionPath, Move, move_record
from runstore.errors import NotFound, RunstoreError
from runstore.paths import LOG_SUFFIX
from runstore.sdk.artifacts.facts import ArtifactFacts
from runstore.sdk.artifacts.staging import BLOBS

if TYPE_CHECKING:
    from runstore.query.artifacts.claims import Claim
    from runstore.query.artifacts.registry import Registry
    from runstore.query.artifacts.version import Version
    from runstore.sdk.recorder import Recorder

CLAIM_SECONDS = 10.0  # to bring the index up to date, and to wait for others who claim


class KnownBlob(NamedTuple):
    """Where a blob of a version should be, beside the log that names it, and what its manifest says of it."""

    path: Path
    digest: str
    algorithm: str


@contextlib.contextmanager
def registered(recorder: Recorder) -> Iterator[Registry | None]:
    """Yield what is known of all artifacts; None where that can't be had, which is said once."""
    with contextlib.ExitStack() as held:
        registry: Registry | None = None
        try:
            from runstore.query.artifacts.registry import Registry

            registry = held.enter_context(contextlib.closing(Registry.open(within_seconds=CLAIM_SECONDS)))
        except (RunstoreError, OSError) as error:
            _warn(recorder, error)
        yield registry


@contextlib.contextmanager
def claimed(
    recorder: Recorder,
    registry: Registry | None,
    collection: CollectionPath,
    digest: str,
    own: Mapping[str, str] | None = None,
) -> Iterator[Claim | None]:
    """Yield a number for content of this digest in a collection, which nobody else gets; None where none can be had.

    `own` are the digests by path of an incremental artifact's own entries, which count instead.
    """
    with contextlib.ExitStack() as held:
        claim: Claim | None = None
        if registry is not None:
            log = recorder.files_folder().with_name(f"run-{recorder.run_id}{LOG_SUFFIX}")
            try:
                claim = held.enter_context(registry.claiming(collection, digest, own=own, log=log))
            except (RunstoreError, OSError) as error:
                _warn(recorder, error)
        yield claim


def _warn(recorder: Recorder, error: Exception) -> None:
    recorder.warn(f"artifacts are recorded, but get no version before the index can be used again: {error}")


def append_move(
    recorder: Recorder,
    artifact: ArtifactFacts,
    collection: CollectionPath,
    aliases: list[str],
    claim: Claim | None,
    *,
    linked: bool = False,
) -> None:
    """Record that an artifact enters a collection, with the number claimed for it, or goes by other aliases."""
    base = claim.latest if claim is not None and artifact.incremental else None
    move = Move(
        made_ns=claim.made_ns if claim is not None else time.time_ns(),
        client_id=artifact.client_id,
        collection=collection,
        type=artifact.type,
        version=claim.number if claim is not None else None,
        aliases=tuple(aliases),
        base=base.client_id if base is not None and base.client_id != artifact.client_id else "",
        linked=linked,
    )
    recorder.append(move_record(move))


def earlier_blobs(recorder: Recorder, name: str) -> dict[int, list[KnownBlob]]:
    """Return the blobs of the newest version of an artifact of this name, by their size in bytes; {} if unknown."""
    settings = recorder.settings
    found: dict[int, list[KnownBlob]] = {}
    with registered(recorder) as registry:
        if registry is not None:
            for version in registry.versions(CollectionPath.of(settings.entity, settings.project, name))[:1]:
                for size, blob in blobs_of(registry, version):
                    found.setdefault(size, []).append(blob)
    return found


def blobs_of(registry: Registry, version: Version) -> Iterator[tuple[int, KnownBlob]]:
    """Yield the blobs of a version, with their sizes; none of one whose list of files is gone."""
    try:
        entries = registry.entries(version)
    except NotFound:
        return
    for entry in entries:
        if entry.local_path:
            blob = entry.log.parent / BLOBS / os.path.basename(entry.local_path)
            yield entry.size, KnownBlob(blob, entry.digest, entry.extra.get(ALGORITHM_KEY, MD5))
