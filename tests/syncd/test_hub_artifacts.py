"""What the hub's index says of artifacts, and that it opens no path which a log names."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.core.artifactname import parse_artifact_name
from runstore.errors import ArtifactNotFound, NotFound, WrongArtifact
from runstore.index.indexer import Indexer
from runstore.runlog import codec
from runstore.runlog.codec import log_identity
from runstore.runlog.record_pb2 import ArtifactManifest, ArtifactManifestEntry, ArtifactRecord, Record
from runstore.syncd.hub.holdings import Holdings
from runstore.syncd.hub.indexed_artifacts import IndexedArtifacts
from runstore.syncd.hub.storage import Storage
from runstore.syncd.remotes.base import BLOBS, FileEntry
from tests.index.writing import header, run, write_log

NAME = parse_artifact_name("data:latest")


def artifact(client_id: str, manifest: ArtifactManifest, digest: str = "d") -> bytes:
    record = ArtifactRecord(
        run_id="r1", project="p", type="dataset", name="data", digest=digest, client_id=client_id, finalize=True
    )
    record.aliases.append("latest")
    record.manifest.CopyFrom(manifest)
    return codec.encode(Record(artifact=record))


def entry(path: str, local_path: str, digest: str = "aGVsbG8=") -> ArtifactManifestEntry:
    return ArtifactManifestEntry(path=path, digest=digest, size=3, local_path=local_path)


class DeliveredTo:
    """A hub's folder, to which logs and blobs are delivered without a network."""

    def __init__(self, data: Path) -> None:
        self.storage = Storage(data)
        self.artifacts = IndexedArtifacts(data / "index.db")
        self.holdings = Holdings(self.storage)
        self._index = data / "index.db"

    def log(self, folder: Path, *bodies: bytes) -> str:
        sent = write_log(folder, [header(), run(), *bodies])
        identity = log_identity(sent)
        assert identity is not None
        self.storage.append(identity.log_id, 0, sent.read_bytes())
        indexer = Indexer(self._index)
        indexer.catch_up(self.storage.log_path(identity.log_id))
        indexer.close()
        return identity.log_id

    def blob(self, log_id: str, data: bytes, name: str = "") -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.storage.add_files(log_id, [FileEntry(name or digest, len(data), digest, BLOBS)])
        self.storage.blobs.append(digest, 0, data, len(data))
        return digest

    def found(self, client_id: str) -> dict[str, str]:
        """The SHA-256 of each entry's bytes, as clients see it."""
        entries = self.artifacts.entries(client_id, "", 1000, self.holdings.delivered)
        return {str(found["path"]): str(found["sha256"]) for found in self.holdings.as_json(entries)}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[DeliveredTo]:
    opened = DeliveredTo(tmp_path / "hub")
    yield opened
    opened.storage.close()


def test_facts_of_a_version(hub: DeliveredTo, tmp_path: Path) -> None:
    hub.log(tmp_path, artifact("c1", ArtifactManifest()))
    facts = hub.artifacts.version(NAME, "", "p", None)
    assert (facts["project"], facts["name"], facts["version"], facts["client_id"]) == ("p", "data", 0, "c1")
    assert (facts["aliases"], facts["run"][2], facts["source"], facts["metadata"]) == (["latest"], "r1", None, {})
    json.dumps(facts)
    with pytest.raises(ArtifactNotFound):
        hub.artifacts.version(NAME, "", "other", None)
    with pytest.raises(WrongArtifact):
        hub.artifacts.version(NAME, "", "p", "model")
    with pytest.raises(ArtifactNotFound, match="no artifact 'c2' is known here"):
        hub.found("c2")


def test_entries_in_a_file_of_their_own(hub: DeliveredTo, tmp_path: Path) -> None:
    lines = [json.dumps({"path": f"{k}", "digest": "aGVsbG8=", "size": 3, "local_path": "/x/y"}) for k in range(9)]
    packed = gzip.compress("\n".join(lines).encode())
    name = hashlib.sha256(packed).hexdigest()
    log_id = hub.log(tmp_path, artifact("c1", ArtifactManifest(manifest_file_path=f"/home/me/blobs/{name}")))
    with pytest.raises(NotFound, match="too long for its log, is not here"):  # it is on the way
        hub.found("c1")
    hub.blob(log_id, packed)
    held = hub.blob(log_id, b"abc", "md5-68656c6c6f".ljust(36, "0"))
    assert list(hub.found("c1")) == [f"{k}" for k in range(9)]
    assert held not in hub.found("c1").values()
    some = hub.artifacts.entries("c1", "3", 2, hub.holdings.delivered)
    assert [found.path for found in some] == ["4", "5"]


def test_no_path_that_a_log_names_is_opened(hub: DeliveredTo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(gzip.compress(b'{"path": "told", "digest": "", "size": 1}'))
    hub.log(
        tmp_path,
        artifact("c1", ArtifactManifest(manifest_file_path=str(secret)), "d1"),
        artifact("c2", ArtifactManifest(contents=[entry("a", str(secret)), entry("b", "hub.db")]), "d2"),
    )
    opened: list[str] = []
    system = os.open

    def noted(path: str | Path, flags: int) -> int:
        opened.append(str(path))
        return system(path, flags)

    monkeypatch.setattr(os, "open", noted)
    with pytest.raises(NotFound):
        hub.found("c1")
    assert hub.found("c2") == {"a": "", "b": ""}
    assert str(secret) not in opened


def test_rescued_bytes_count_for_the_log_that_they_came_with(hub: DeliveredTo, tmp_path: Path) -> None:
    digest = "XUFAKrxLKna5cZ2REBfFkg=="  # of b"hello"
    log_id = hub.log(tmp_path, artifact("c1", ArtifactManifest(contents=[entry("a", "/staging/x", digest)])))
    assert hub.found("c1") == {"a": ""}
    held = hub.blob(log_id, b"hello", f"md5-{hashlib.md5(b'hello').hexdigest()}")
    assert hub.found("c1") == {"a": held}
