"""Answers about artifacts as a whole: create, manifest, commit, use: resolvers of the schema."""

from __future__ import annotations

import re

from tests.wandbserver import artifact_checks
from tests.wandbserver.holdings import DEFAULT_ENTITY, DIGESTS, Holdings, opaque_id
from tests.wandbserver.recorded import JsonObject, RecordedArtifact, RecordedManifest
from tests.wandbserver.refusals import Refused
from tests.wandbserver.run_operations import Operation
from tests.wandbserver.uploads import Upload

_HEX_DIGEST = re.compile(r"[0-9a-f]{32}")


def _create_artifact(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    wanted = arguments["input"]
    artifact_checks.check_announced(wanted)
    _check_algorithm(holdings, wanted)
    run = None
    if wanted.get("runName"):
        run = holdings.held_run(wanted["entityName"], wanted["projectName"], wanted["runName"])
    artifact = _same_content(holdings, wanted) or _same_group(holdings, wanted) or _new(holdings, wanted)
    if run is not None:
        artifact.run_ids.append(run.run_id)
    if wanted.get("clientID"):
        holdings.client_ids[wanted["clientID"]] = artifact
    artifact.wanted_aliases |= {alias["alias"] for alias in wanted.get("aliases") or []}
    if artifact.committed:
        _move_aliases(holdings, artifact)
    return {"artifact": _described(holdings, artifact)}


def _check_algorithm(holdings: Holdings, wanted: JsonObject) -> None:
    """Return if digests of this kind are allowed, in this collection too. Raises Refused."""
    algorithm, entity = wanted["digestAlgorithm"], wanted["entityName"] or DEFAULT_ENTITY
    may_be_other = DIGESTS in holdings.features and entity in holdings.xxhash_entities
    if algorithm != "MANIFEST_MD5" and not may_be_other:
        raise Refused(f"{entity} has no artifacts with digests by {algorithm}")
    known = holdings.algorithm_of(wanted["artifactTypeName"], wanted.get("artifactCollectionName") or "")
    if known == "MANIFEST_MD5" and algorithm != known:
        raise Refused(f"{wanted['artifactCollectionName']} has digests by {known}, not {algorithm}")


def _same_content(holdings: Holdings, wanted: JsonObject) -> RecordedArtifact | None:
    """Return what the collection has of this digest already, if the client lets it be taken."""
    if not wanted.get("enableDigestDeduplication"):
        return None
    same = ("artifactTypeName", "artifactCollectionName", "artifactCollectionNames", "digest")
    found = [one for one in holdings.artifacts if all(one.announced.get(key) == wanted.get(key) for key in same)]
    return next((artifact for artifact in found if artifact.committed), None)


def _same_group(holdings: Holdings, wanted: JsonObject) -> RecordedArtifact | None:
    """Return the artifact that several runs make together, where another of them announced it before."""
    group = wanted.get("distributedID")
    found = [one for one in holdings.artifacts if group and one.announced.get("distributedID") == group]
    return next((artifact for artifact in found if not artifact.committed), None)


def _new(holdings: Holdings, wanted: JsonObject) -> RecordedArtifact:
    artifact = RecordedArtifact(opaque_id("Artifact", str(len(holdings.artifacts))), wanted)
    holdings.artifacts.append(artifact)
    return artifact


def _move_aliases(holdings: Holdings, artifact: RecordedArtifact) -> None:
    """Let the aliases point to this artifact and to no other of its collection."""
    for other in holdings.artifacts:
        if (other.type, other.name) == (artifact.type, artifact.name):
            other.aliases -= artifact.wanted_aliases
    artifact.aliases |= artifact.wanted_aliases


def _described(holdings: Holdings, artifact: RecordedArtifact) -> JsonObject:
    """Return an artifact as the schema has it."""
    own_name = (artifact.type, artifact.name)
    versions = [one for one in holdings.artifacts if (one.type, one.name) == own_name and one.committed]
    latest = versions[-1] if versions else None
    sequence = {"id": opaque_id("Sequence", *own_name), "name": artifact.name}
    sequence["digestAlgorithm"] = holdings.algorithm_of(*own_name) or ""
    last = latest and {"id": latest.artifact_id, "versionIndex": len(versions) - 1}
    return {
        "id": artifact.artifact_id,
        "state": "COMMITTED" if artifact.committed else "PENDING",
        "digest": artifact.announced["digest"],
        "description": artifact.announced.get("description"),
        "metadata": artifact.announced.get("metadata"),
        "versionIndex": versions.index(artifact) if artifact in versions else None,
        "ttlIsInherited": True,
        "artifactType": {"name": artifact.type},
        "artifactSequence": sequence | {"latestArtifact": last},
    }


def _create_manifest(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    wanted = arguments["input"]
    artifact = holdings.pending_artifact(wanted["artifactID"])
    holdings.held_run(wanted["entityName"], wanted["projectName"], wanted["runName"])
    if wanted.get("baseArtifactID"):
        holdings.find_artifact(wanted["baseArtifactID"])
    manifest_id = opaque_id("Manifest", artifact.artifact_id, wanted["name"], wanted["runName"])
    manifest = RecordedManifest(manifest_id, wanted["name"], wanted["type"])
    manifest = artifact.manifests.setdefault(manifest_id, manifest)
    return {"artifactManifest": _manifest(holdings, artifact, manifest, wanted["digest"])}


def _update_manifest(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    """Take the part that one run adds to an artifact which several make together; nobody commits that."""
    wanted = arguments["input"]
    for artifact in holdings.artifacts:
        manifest = artifact.manifests.get(wanted["artifactManifestID"])
        if manifest is not None:
            return {"artifactManifest": _manifest(holdings, artifact, manifest, wanted.get("digest") or "")}
    raise Refused(f"no manifest has the id {wanted['artifactManifestID']!r}")


def _manifest(holdings: Holdings, artifact: RecordedArtifact, manifest: RecordedManifest, digest: str) -> JsonObject:
    headers = [f"Content-MD5:{digest}"]

    def take(content: bytes) -> None:
        manifest.content = artifact_checks.checked_manifest(content)
        # Of an artifact that several runs make together, each brings its part.
        others = artifact.manifest if manifest.type == "PATCH" and artifact.manifest else {"contents": {}}
        artifact.manifest = manifest.content | {"contents": others["contents"] | manifest.content["contents"]}

    def upload_url(info: object) -> str:
        # Only asked for where the document includes it.
        artifact_checks.check_md5(digest, manifest.name)
        return holdings.uploads.offer(Upload("manifest", manifest.name, take, headers, digest))

    file = {"id": opaque_id("File", manifest.manifest_id), "name": manifest.name, "displayName": manifest.name}
    return {"id": manifest.manifest_id, "file": file | {"uploadUrl": upload_url, "uploadHeaders": headers}}


def _commit(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    artifact = holdings.find_artifact(arguments["input"]["artifactID"])
    if not artifact.committed:
        artifact_checks.check_complete(artifact, {one.artifact_id for one in holdings.artifacts if one.committed})
        artifact.committed = True
        _move_aliases(holdings, artifact)
    return {"artifact": _described(holdings, artifact)}


def _use(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    used = arguments["input"]
    artifact = holdings.find_artifact(used["artifactID"])
    holdings.held_run(used["entityName"], used["projectName"], used["runName"])
    artifact.used_by.append(used["runName"])
    return {"artifact": _described(holdings, artifact)}


def _client_id(holdings: Holdings, arguments: JsonObject) -> JsonObject | None:
    artifact = holdings.client_ids.get(arguments["clientID"])
    return None if artifact is None else {"serverID": artifact.artifact_id}


def _artifact(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    return _described(holdings, holdings.find_artifact(arguments["id"]))


OPERATIONS: dict[str, Operation] = {
    "clientIDMapping": _client_id,
    "artifact": _artifact,
    "createArtifact": _create_artifact,
    "createArtifactManifest": _create_manifest,
    "updateArtifactManifest": _update_manifest,
    "commitArtifact": _commit,
    "useArtifact": _use,
}
"""By field of the schema's Query and Mutation."""
