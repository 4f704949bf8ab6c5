"""What logs say of artifacts, with their bytes."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from runstore.core.moves import Move, move_of
from runstore.runlog.record_pb2 import ArtifactManifestEntry, ArtifactRecord
from tests.sdk import reading


def logged(folder: Path) -> list[ArtifactRecord]:
    """Return the artifacts in the one log below `folder`; every file that they name must be there, in the run."""
    log = reading.only_log(folder)
    found = [record.artifact for record in reading.records(log) if record.HasField("artifact")]
    for artifact in found:
        for entry in artifact.manifest.contents:
            assert bool(entry.local_path) != bool(entry.ref)
            if entry.local_path:
                assert Path(entry.local_path).parent == log.parent / "blobs"
                assert len(bytes_of(entry)) == entry.size
    return found


def bytes_of(entry: ArtifactManifestEntry) -> bytes:
    data = Path(entry.local_path).read_bytes()
    assert base64.b64encode(hashlib.md5(data).digest()).decode() == entry.digest
    return data


def contents(artifact: ArtifactRecord) -> dict[str, bytes]:
    return {entry.path: bytes_of(entry) for entry in artifact.manifest.contents}


def moves(log: Path) -> list[Move]:
    """Return how artifacts were moved in their collections, in order."""
    footers = [record.footer for record in reading.records(log) if record.HasField("footer")]
    return [move_of(footer.artifact) for footer in footers if footer.HasField("artifact")]
