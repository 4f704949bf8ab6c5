"""Artifacts that a hub holds: what a name means there, what is in it, and the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstore.core.artifactname import ArtifactName
from runstore.errors import NotFound, RemoteError
from runstore.syncd.remotes.connection import HubConnection
from runstore.syncd.remotes.downloading import Download
from runstore.syncd.remotes.uploading import FEATURE


@dataclass(frozen=True)
class HeldVersion:
    """A version of an artifact, as a hub knows it. `facts` are all that it says, by the names of docs/hub.md."""

    remote: str
    entity: str
    project: str
    name: str
    number: int
    type: str
    client_id: str
    digest: str
    created_ns: int
    aliases: tuple[str, ...]
    facts: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class HeldEntry:
    """One entry of it; `sha256` names its bytes at the hub: "" for a reference, and where the hub has none of them."""

    path: str
    digest: str
    size: int
    ref: str
    extra: Mapping[str, Any]
    sha256: str


class HubArtifacts:
    """Questions to one hub about artifacts. Each raises RemoteError for a hub that is too old to answer them."""

    def __init__(self, remote: str, connection: HubConnection) -> None:
        self._remote, self._connection = remote, connection

    def find(self, name: ArtifactName, entity: str, project: str, kind: str | None = None) -> HeldVersion | None:
        """Return the version that the name means to somebody in `entity` and `project`; None where it means none."""
        params = {"name": str(name), "entity": entity, "project": project, **({"type": kind} if kind else {})}
        try:
            facts = self._ask("/v1/artifact", params)
        except NotFound:
            return None
        try:
            return _version(self._remote, facts)
        except (KeyError, TypeError, ValueError):
            self._connection.not_a_hub()

    def entries(self, client_id: str) -> Iterator[HeldEntry]:
        """Yield what is in an artifact, in order of path, asking for some thousands at once. Raises NotFound."""
        after, more = "", True
        while more:
            answer = self._ask("/v1/artifact/entries", {"client_id": client_id, "after": after})
            try:
                found = [HeldEntry(**entry) for entry in answer["entries"]]
                more = bool(answer["more"]) and bool(found)
            except (KeyError, TypeError):
                self._connection.not_a_hub()
            yield from found
            after = found[-1].path if found else ""

    def blob_named(self, name: str) -> str | None:
        """Return the SHA-256 of bytes that were delivered under a name such as `md5-<hex>`; None where none were."""
        try:
            sha256 = self._ask("/v1/artifact/blob", {"name": name}).get("sha256")
        except NotFound:
            return None
        return sha256 if isinstance(sha256, str) else self._connection.not_a_hub()

    def download(self, sha256: str, target: Path, md5: str = "") -> bool:
        """Bring a blob to `target`; False where the hub does not hold it. Raises as Download.run does."""
        try:
            Download(self._connection, sha256, target, md5).run()
        except NotFound:
            return False
        return True

    def _ask(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        too_old = self._connection.lacks(FEATURE)
        if too_old:
            raise RemoteError(too_old)
        return self._connection.answer(self._connection.request("GET", path, params=params), dict)


def _version(remote: str, facts: dict[str, Any]) -> HeldVersion:
    return HeldVersion(
        remote,
        str(facts["entity"]),
        str(facts["project"]),
        str(facts["name"]),
        int(facts["version"]),
        str(facts["type"]),
        str(facts["client_id"]),
        str(facts["digest"]),
        int(facts["created_ns"]),
        tuple(map(str, facts["aliases"])),
        facts,
    )
