"""A W&B server that records what it gets, and a remote that delivers to it without waiting between tries."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from runstore.core.manifest import content_digest
from runstore.syncd.remotes.runs import ManifestEntry, OutgoingArtifact, RunDescription, ServerRun
from runstore.syncd.remotes.wandb.remote import WandbRemote
from tests.wandbserver.server import RecordingServer

KEY = "0123456789" * 4
CONFIG = {"lr": {"value": 0.1}, "_wandb": {"value": {"t": {"4": "3.11"}}}}
LAYOUT = {"storageLayout": "V2"}


@dataclass
class Met:
    """Both ends; `pauses` are how long the remote would have waited, each time."""

    server: RecordingServer
    remote: WandbRemote
    pauses: list[float] = field(default_factory=list)

    def run(self, run_id: str = "r1", **said: Any) -> ServerRun:
        """Return a run that the server knows from now on."""
        return self.remote.upsert(description(run_id, **said))

    def asked(self) -> list[str]:
        """Return the kind of each request that came, and what it was about."""
        return [f"{request.kind} {request.name}" for request in self.server.requests]

    def artifact_operations(self) -> list[str]:
        """Return the names of what was asked about artifacts."""
        return [name for name, _ in self.server.operations if "Artifact" in name]


def silent(size: int) -> None:
    """Take no note of progress."""


def description(run_id: str = "r1", **said: Any) -> RunDescription:
    """Return what a run is, in as few words as possible."""
    return RunDescription(**{"entity": "", "project": "vision", "run_id": run_id, "config": CONFIG, **said})


@contextmanager
def met(
    *features: str,
    transport: httpx.BaseTransport | None = None,
    has_relative_uploads: bool = False,
    entity: str = "",
    project: str = "",
    xxhash_entities: Collection[str] = (),
) -> Iterator[Met]:
    """Let a remote meet a server with these features."""
    known: dict[str, Any] = {"has_relative_uploads": has_relative_uploads, "xxhash_entities": xxhash_entities}
    with RecordingServer([KEY], features, **known) as server:
        pauses: list[float] = []
        place = {"entity": entity, "project": project}
        remote = WandbRemote(server.url, KEY, transport=transport, pause=pauses.append, **place)
        try:
            yield Met(server, remote, pauses)
        finally:
            remote.close()


def answering(status: int, body: Any = None, **headers: str) -> WandbRemote:
    """Return a remote whose server says nothing else."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: dict[str, Any] = {"content": body} if isinstance(body, (bytes, str)) else {"json": body}

    def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=given, **answer)

    return remote_over(httpx.MockTransport(answered))


def remote_over(transport: httpx.BaseTransport, pauses: list[float] | None = None) -> WandbRemote:
    """Return a remote that does not wait, but says how long it would have."""
    return WandbRemote("http://wandb", KEY, transport=transport, pause=([] if pauses is None else pauses).append)


def md5(content: bytes) -> str:
    """Return the digest of a file as manifests spell it."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def entry(path: str, folder: Path, content: bytes, **said: Any) -> ManifestEntry:
    """Return a file of an artifact, which is written."""
    source = folder / path.replace("/", "-")
    source.write_bytes(content)
    return ManifestEntry(**{"path": path, "digest": md5(content), "size": len(content), "source": source, **said})


def artifact(*entries: ManifestEntry, **said: Any) -> OutgoingArtifact:
    """Return an artifact that holds these."""
    digest = content_digest({one.path: one.digest for one in entries})
    usual = {"type": "dataset", "name": "digits", "aliases": ("latest",), "storage_config": LAYOUT}
    return OutgoingArtifact(**{"digest": digest, "entries": entries, **usual, **said})
