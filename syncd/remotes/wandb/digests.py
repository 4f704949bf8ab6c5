"""Digests of artifacts as a W&B server takes them: by XXH128 where it says so, by MD5 where it does not.

A log has one digest of each file. For another one the bytes are read once more, and checked meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runstore.core.manifest import ALGORITHM_KEY, MD5, content_digest
from runstore.syncd.remotes.graphql import GraphQLConnection, Refusal
from runstore.syncd.remotes.runs import ManifestEntry, OutgoingArtifact, ServerRun
from runstore.syncd.remotes.wandb import documents
from runstore.syncd.remotes.wandb.originals import Originals, algorithm_of, is_there

logger = logging.getLogger("runstore.wandb")

MANIFEST_MD5 = "MANIFEST_MD5"
# What servers say that they can: take digests that are no MD5s, from those whose entity may give such.
FEATURE = "ARTIFACT_DIGEST_ALGORITHM"


def as_taken(
    graphql: GraphQLConnection,
    run: ServerRun,
    artifact: OutgoingArtifact,
    progress: Callable[[int], None],
    has: Callable[[str], bool],
) -> OutgoingArtifact:
    """Return an artifact with digests that the server takes: its own, or the MD5s that every server takes.

    `progress` may end that: it hears of each file that is read, and of no bytes. `has` tells of features. What was
    taken over from another artifact stays as it is. Raises RemoteConflict, naming the file, where bytes can't be had,
    or are not those that the log says.
    """
    if _has_md5s(artifact) or _takes_others(graphql, run, artifact, has):
        return artifact
    originals = Originals(artifact.name)
    entries = tuple(_by_md5(entry, originals, progress) for entry in artifact.entries)
    digest = content_digest({entry.path: entry.digest for entry in entries})
    return replace(artifact, entries=entries, digest=digest, algorithm=MANIFEST_MD5)


def _has_md5s(artifact: OutgoingArtifact) -> bool:
    return artifact.algorithm in ("", MANIFEST_MD5) and all(
        algorithm_of(entry) == MD5 for entry in artifact.entries if not entry.ref
    )


def _by_md5(entry: ManifestEntry, originals: Originals, progress: Callable[[int], None]) -> ManifestEntry:
    if entry.ref or is_there(entry) or algorithm_of(entry) == MD5:
        return entry
    progress(0)
    extra = {key: value for key, value in entry.extra.items() if key != ALGORITHM_KEY}
    return replace(entry, digest=originals.body_by_md5(entry).digest, extra=extra)


def _takes_others(
    graphql: GraphQLConnection, run: ServerRun, artifact: OutgoingArtifact, has: Callable[[str], bool]
) -> bool:
    """Return whether the server takes an artifact's own digests; a collection that has MD5s keeps to them."""
    if not has(FEATURE):
        return False
    collection = {
        "projectName": run.project,
        "artifactTypeName": artifact.type,
        "artifactCollectionName": artifact.name,
    }
    try:
        entity = graphql.ask(documents.ENTITY_DIGESTS, {"entityName": run.entity}).get("entity")
        if not isinstance(entity, dict) or entity.get("xxhashDigestsEnabled") is not True:
            return False
        answer = graphql.ask(documents.COLLECTION_DIGESTS, {"entityName": run.entity, **collection})
    except Refusal as refusal:
        logger.warning('event=degraded artifact="%s" digests=MD5 said="%s"', artifact.name, refusal)
        return False
    return _algorithm_in(answer) in (None, artifact.algorithm)


def _algorithm_in(answer: Mapping[str, Any]) -> str | None:
    """Return by what the digests of a collection are made; None for one that is new."""
    found: Any = answer
    for name in ("project", "artifactType", "artifactCollection", "digestAlgorithm"):
        found = found.get(name) if isinstance(found, dict) else None
    return str(found) if found else None
