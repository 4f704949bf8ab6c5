"""Make an artifact known to a W&B server: announce it, bring what the server lacks, say what is in it, commit it, and
that the run uses it, if it does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from runstore.core.manifest import text_of
from runstore.errors import RemoteConflict
from runstore.syncd.remotes.graphql import GraphQLConnection, Refusal
from runstore.syncd.remotes.runs import ManifestEntry, OutgoingArtifact, ServerRun
from runstore.syncd.remotes.wandb import documents
from runstore.syncd.remotes.wandb.bodies import MadeBody
from runstore.syncd.remotes.wandb.digests import MANIFEST_MD5
from runstore.syncd.remotes.wandb.entries import EntryUploads
from runstore.syncd.remotes.wandb.originals import Originals, is_there
from runstore.syncd.remotes.wandb.storage import Uploads, headers_of

logger = logging.getLogger("runstore.wandb")

# What servers say that they can: be told with an input where it is.
_PLACED_INPUTS = "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION"
_CLIENT_REFERENCE, _SERVER_REFERENCE = "wandb-client-artifact", "wandb-artifact"


@dataclass(frozen=True)
class _Kind:
    """What a manifest is, by the name that servers have for it: the whole one, or a part of one."""

    name: str
    file: str


_FULL = _Kind("FULL", "wandb_manifest.json")
_PATCH = _Kind("PATCH", "wandb_manifest.patch.json")
_INCREMENTAL = _Kind("INCREMENTAL", "wandb_manifest.incremental.json")


class ArtifactDelivery:
    """One artifact on its way, with digests as the server takes them; `has` tells whether that has a feature."""

    def __init__(
        self,
        graphql: GraphQLConnection,
        run: ServerRun,
        artifact: OutgoingArtifact,
        progress: Callable[[int], None],
        has: Callable[[str], bool],
    ) -> None:
        self._graphql, self._run, self._artifact, self._has = graphql, run, artifact, has
        self._uploads = Uploads(graphql.connection, progress)
        self._kind = _kind_of(artifact)

    def deliver(self) -> None:
        """Do all that is needed. Raises RemoteConflict where bytes can't be had or are refused; then nothing counts."""
        originals = Originals(self._artifact.name)
        for entry in self._artifact.entries:  # before it is announced: who tries again would announce it again
            if not entry.ref and not is_there(entry):
                originals.body(entry)
        made = self._graphql.payload(
            documents.ARTIFACT, {"input": _announcement(self._run, self._artifact)}, "createArtifact", "artifact"
        )
        artifact_id = self._field(made, "id")
        if made.get("state") != "COMMITTED":  # else the same content is there; what names it here was told by asking
            self._bring(artifact_id, self._base(made))
        if self._artifact.is_used and self._artifact.is_final:
            self._use(artifact_id)

    def _bring(self, artifact_id: str, base: str | None) -> None:
        manifest_id = self._field(self._manifest(artifact_id, base, "", False), "id")
        name, algorithm = self._artifact.name, self._artifact.algorithm
        told = "" if algorithm == MANIFEST_MD5 else algorithm
        entries = EntryUploads(self._graphql, self._uploads, name, told, (artifact_id, manifest_id))
        content = self._content(entries.bring(self._artifact.entries))
        self._say_what_is_in_it(content, artifact_id, manifest_id, base)
        if self._artifact.is_final:
            self._graphql.payload(documents.COMMIT, {"artifactID": artifact_id}, "commitArtifact", "artifact")

    def _use(self, artifact_id: str) -> None:
        """Say that the run uses the artifact; saying so again changes nothing."""
        run = self._run
        used = {"artifactID": artifact_id, "entityName": run.entity, "projectName": run.project, "runName": run.run_id}
        if self._has(_PLACED_INPUTS):
            used |= {"artifactEntityName": run.entity, "artifactProjectName": run.project}
        self._graphql.payload(documents.USE, {"input": used}, "useArtifact")

    def _base(self, made: Mapping[str, Any]) -> str | None:
        """Return the artifact that this one goes on from: the one it names, or the latest of its name."""
        latest: Any = made.get("artifactSequence")
        latest = latest.get("latestArtifact") if isinstance(latest, dict) else None
        return self._artifact.base_id or (str(latest["id"]) if isinstance(latest, dict) and latest.get("id") else None)

    def _manifest(self, artifact_id: str, base: str | None, digest: str, with_upload: bool) -> dict[str, Any]:
        variables = {
            "artifactID": artifact_id,
            "baseArtifactID": base,
            "name": self._kind.file,
            "digest": digest,
            "entityName": self._run.entity,
            "projectName": self._run.project,
            "runName": self._run.run_id,
            "manifestType": self._kind.name,
            "includeUpload": with_upload,
        }
        path = ("createArtifactManifest", "artifactManifest")
        return self._graphql.payload(documents.MANIFEST, variables, *path)

    def _say_what_is_in_it(
        self, content: Mapping[str, Any], artifact_id: str, manifest_id: str, base: str | None
    ) -> None:
        body = MadeBody(orjson.dumps(content))
        digest = text_of(hashlib.md5(body.content, usedforsecurity=False).digest())

        def address() -> tuple[str, dict[str, str]]:
            if self._kind is _FULL:
                manifest = self._manifest(artifact_id, base, digest, True)
            else:
                variables = {"artifactManifestID": manifest_id, "digest": digest, "baseArtifactID": base}
                path = ("updateArtifactManifest", "artifactManifest")
                manifest = self._graphql.payload(documents.MANIFEST_CHANGE, {**variables, "includeUpload": True}, *path)
            file = manifest.get("file")
            file = file if isinstance(file, dict) else {}
            return self._field(file, "uploadUrl"), headers_of(file.get("uploadHeaders"))

        url, headers = address()
        uploads = Uploads(self._graphql.connection, _not_of_a_file)
        refused = uploads.put(body, headers, url, lambda: address()[0])
        if refused:
            raise RemoteConflict(f"artifact {self._artifact.name}: its manifest was refused: {refused}; not committed")

    def _content(self, births: Mapping[str, str]) -> dict[str, Any]:
        """Return the manifest; `births` are the artifacts with which the server keeps the files, by path."""
        artifact = self._artifact
        return {
            "version": artifact.manifest_version,
            "storagePolicy": artifact.storage_policy,
            "storagePolicyConfig": dict(artifact.storage_config),
            "contents": {entry.path: self._described(entry, births.get(entry.path, "")) for entry in artifact.entries},
        }

    def _described(self, entry: ManifestEntry, birth: str) -> dict[str, Any]:
        said = {
            "ref": self._resolved(entry.ref),
            "birthArtifactID": birth or entry.birth_artifact_id,
            "extra": dict(entry.extra),
            "skip_cache": entry.skip_cache,
        }
        size = {} if entry.ref and not entry.size else {"size": entry.size}
        return {"digest": entry.digest, **size, **{key: value for key, value in said.items() if value}}

    def _resolved(self, ref: str) -> str:
        """Return a reference to another artifact with the server's name for that one in place of its own."""
        parts = urlsplit(ref)
        if parts.scheme != _CLIENT_REFERENCE:
            return ref
        try:
            variables = {"clientID": parts.netloc}
            server_id = self._graphql.payload(documents.SERVER_ID, variables, "clientIDMapping").get("serverID")
        except RemoteConflict as error:
            if isinstance(error, Refusal) and not error.unknown_names():
                raise
            server_id = None
        if not isinstance(server_id, str):
            logger.warning('event=degraded artifact="%s" unresolved=%s', self._artifact.name, ref)
            return ref
        return f"{_SERVER_REFERENCE}://{_in_hexadecimal(server_id)}{parts.path}"

    def _field(self, value: Mapping[str, Any], name: str) -> str:
        found = value.get(name)
        if not isinstance(found, str) or not found:
            raise RemoteConflict(
                f"{self._graphql.connection.url}: gave no {name} for artifact {self._artifact.name}; not committed"
            )
        return found


def _not_of_a_file(size: int) -> None:
    """Take no note of bytes that are no file's."""


def _kind_of(artifact: OutgoingArtifact) -> _Kind:
    if artifact.is_incremental:
        return _INCREMENTAL
    return _PATCH if artifact.distributed_id or not artifact.is_final else _FULL


def _announcement(run: ServerRun, artifact: OutgoingArtifact) -> dict[str, Any]:
    said = {
        "entityName": run.entity,
        "projectName": run.project,
        "artifactTypeName": artifact.type,
        "artifactCollectionName": artifact.name,
        "digest": artifact.digest,
        "digestAlgorithm": artifact.algorithm or MANIFEST_MD5,
        "enableDigestDeduplication": True,
        "aliases": [{"alias": alias, "artifactCollectionName": artifact.name} for alias in artifact.aliases],
    }
    if_any = {
        "runName": run.run_id if artifact.is_output else "",
        "description": artifact.description,
        "metadata": artifact.metadata,
        "clientID": artifact.client_id,
        "sequenceClientID": artifact.sequence_client_id,
        "distributedID": artifact.distributed_id,
        "ttlDurationSeconds": artifact.ttl_seconds,
        "storageRegion": artifact.storage_config.get("storageRegion"),
        "tags": [{"tagName": tag} for tag in artifact.tags],
    }
    return said | {key: value for key, value in if_any.items() if value}


def _in_hexadecimal(server_id: str) -> str:
    """Return a server's id, which is base64, as references spell it."""
    try:
        return base64.b64decode(server_id, validate=True).hex()
    except binascii.Error:
        return server_id
