"""Bring the files of an artifact to a W&B server: those it lacks, large ones in parts.

Storages go by MD5s. A file whose digest is another one is told with both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runstore.core.manifest import STORAGE_LAYOUT
from runstore.errors import RemoteConflict
from runstore.syncd.remotes.graphql import GraphQLConnection
from runstore.syncd.remotes.runs import ManifestEntry
from runstore.syncd.remotes.wandb import documents
from runstore.syncd.remotes.wandb.bodies import FileBody
from runstore.syncd.remotes.wandb.originals import Originals, is_there
from runstore.syncd.remotes.wandb.parts import Parts, parts_of
from runstore.syncd.remotes.wandb.storage import Uploads, batches, headers_of

# Addresses are good for a time only: no more are asked for than are used within minutes.
_FILES_AT_ONCE = 500


@dataclass(frozen=True)
class _Outgoing:
    """An entry with its bytes, and its parts, where it is large."""

    entry: ManifestEntry
    body: FileBody
    parts: Parts


class EntryUploads:
    """The files of the artifact `name`, which the server knows by these two ids; `algorithm` is what the server is to
    be told that their digests are made by, "" for nothing.
    """

    def __init__(
        self, graphql: GraphQLConnection, uploads: Uploads, name: str, algorithm: str, ids: tuple[str, str]
    ) -> None:
        self._graphql, self._uploads, self._originals, self._algorithm = graphql, uploads, Originals(name), algorithm
        self._artifact_id, self._manifest_id = ids

    def bring(self, entries: Sequence[ManifestEntry]) -> Mapping[str, str]:
        """Send what the server lacks; return by path in which artifact it keeps the bytes, this one or an earlier one.

        Raises RemoteConflict, naming the file, where that can't be.
        """
        born: dict[str, str] = {}
        with_bytes = [entry for entry in entries if not entry.ref and not is_there(entry)]
        for batch in batches(with_bytes, _FILES_AT_ONCE):
            outgoing = [self._prepared(entry) for entry in batch]
            asked = list(zip(outgoing, self._ask(outgoing), strict=True))
            born |= {one.entry.path: _artifact_of(answer) or self._artifact_id for one, answer in asked}
            self._uploads.each(self._send, [(one, answer) for one, answer in asked if not one.parts.digests])
            for one, answer in asked:
                if one.parts.digests:
                    self._send_large(one, answer)
        return born

    def _prepared(self, entry: ManifestEntry) -> _Outgoing:
        body = self._originals.body_by_md5(entry)
        with self._originals.reading(entry):
            return _Outgoing(entry, body, parts_of(body))

    def _ask(self, outgoing: Sequence[_Outgoing]) -> list[dict[str, Any]]:
        """Return the server's answer for each file, in order."""
        files = [self._described(one) for one in outgoing]
        kind = {"digestAlgorithm": self._algorithm} if self._algorithm else {}
        variables = {"input": {"artifactFiles": files, "storageLayout": STORAGE_LAYOUT, **kind}}
        path = ("createArtifactFiles", "files")
        edges = self._graphql.payload(documents.ARTIFACT_FILES, variables, *path).get("edges")
        answers = [edge.get("node") for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []
        nodes = [node for node in answers if isinstance(node, dict)]
        if len(nodes) != len(outgoing):
            raise RemoteConflict(
                f"{self._graphql.connection.url}: was asked where {len(outgoing)} files of artifact "
                f"{self._originals.name} go, and answered for {len(nodes)}; nothing was committed"
            )
        return nodes

    def _described(self, one: _Outgoing) -> dict[str, Any]:
        return {
            "artifactID": self._artifact_id,
            "artifactManifestID": self._manifest_id,
            "name": one.entry.path,
            "md5": one.body.digest,
            **({"digest": one.entry.digest} if self._algorithm else {}),
            **({"uploadPartsInput": one.parts.announced()} if one.parts.digests else {}),
        }

    def _send(self, asked: tuple[_Outgoing, Mapping[str, Any]]) -> None:
        """Send a file in one request, if the storage has not got it already."""
        one, answer = asked
        if answer.get("uploadUrl"):
            headers = headers_of(answer.get("uploadHeaders"))
            refused = self._put(one, one.body, headers, str(answer["uploadUrl"]), lambda: self._another(one))
            if refused:
                raise self._refusal(one, refused)

    def _another(self, one: _Outgoing) -> str:
        return str(self._ask([one])[0].get("uploadUrl") or "")

    def _send_large(self, one: _Outgoing, answer: Mapping[str, Any]) -> None:
        if not isinstance(answer.get("uploadMultipartUrls"), dict):
            self._send((one, answer))
        elif self._send_parts(one, answer):
            refused = self._send_parts(one, self._ask([one])[0])  # new addresses are those of a new beginning
            if refused:
                raise self._refusal(one, refused)

    def _send_parts(self, one: _Outgoing, answer: Mapping[str, Any]) -> str:
        """Send all parts, several at once, and have the storage join them; return why one was refused, or ""."""
        given = answer.get("uploadMultipartUrls")
        urls = one.parts.urls(given) if isinstance(given, dict) else {}
        if not isinstance(given, dict) or not urls:
            raise self._originals.failure(
                one.entry, f"the server gave no addresses for its {len(one.parts.digests)} parts"
            )
        headers = {name: value for name, value in headers_of(answer.get("uploadHeaders")).items() if _is_type(name)}
        refused: list[str] = []

        def send(number: int) -> None:
            if not refused:
                body = one.parts.body(one.body, number)
                why = self._put(one, body, {**headers, "Content-MD5": body.digest}, urls[number], _no_other)
                refused.extend([why] if why else [])

        self._uploads.each(send, sorted(urls))
        if refused:
            return refused[0]
        variables = {
            "completeMultipartAction": "Complete",
            "completedParts": one.parts.announced(),
            "artifactID": self._artifact_id,
            "storagePath": answer.get("storagePath"),
            "uploadID": given.get("uploadID"),
        }
        self._graphql.payload(documents.PARTS_DONE, variables, "completeMultipartUploadArtifact")
        return ""

    def _put(
        self, one: _Outgoing, body: FileBody, headers: Mapping[str, str], url: str, another_url: Callable[[], str]
    ) -> str:
        with self._originals.reading(one.entry):
            return self._uploads.put(body, headers, url, another_url)

    def _refusal(self, one: _Outgoing, why: str) -> RemoteConflict:
        return self._originals.failure(one.entry, f"was refused: {why}")


def _artifact_of(answer: Mapping[str, Any]) -> str:
    """Return the id of the artifact in which a file was first: servers keep its bytes there, and readers ask there."""
    artifact = answer.get("artifact")
    return str(artifact.get("id") or "") if isinstance(artifact, dict) else ""


def _is_type(header: str) -> bool:
    return header.lower() == "content-type"


def _no_other() -> str:
    return ""
