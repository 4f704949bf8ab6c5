"""What the index has of a run, in the form in which the examples note what they computed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from runstore.paths import find_logs
from runstore.query.stored.run import StoredRun
from runstore.sdk.artifacts.artifact import Artifact
from tests.conformance import stock
from tests.integrations.harness import STOCK, Trained
from tests.wandbserver.server import RecordingServer


def assert_last_values(run: StoredRun, noted: Mapping[str, float]) -> None:
    """The last value of each metric in the history, and in the summary, is the noted one."""
    assert noted
    for key, value in noted.items():
        rows = [row[key] for row in run.scan_history(keys=[key])]
        assert rows, f"{key} was not logged"
        assert rows[-1] == pytest.approx(value, rel=1e-6), key
        assert run.summary[key] == pytest.approx(value, rel=1e-6), key


def delivered(trained: Trained) -> RecordingServer:
    """Return what a server has of all runs of a program, after stock's sync delivered them without a complaint."""
    first, *others = [str(log.parent) for log in find_logs(trained.folder)]
    with RecordingServer() as server:
        done = stock.sync(STOCK, Path(first), server.url, others)
    assert (server.errors, server.unknown_operations) == ([], []), done.stderr
    assert all(run.complete and not run.gaps and not run.overwritten for run in server.runs)
    return server


def delivered_files(server: RecordingServer, kind: str) -> dict[str, dict[str, str]]:
    """Return the files of all artifacts of a type that a server has: MD5 in base64 by path, by the artifact's name."""
    found: dict[str, dict[str, str]] = {}
    for artifact in server.artifacts:
        if artifact.announced["artifactTypeName"] == kind:
            assert artifact.committed
            name = artifact.announced["artifactCollectionName"]
            found[name] = {path: md5_of(content) for path, content in artifact.files.items()}
    return found


def md5_of(content: bytes) -> str:
    """Return the MD5 of some bytes as artifacts have it, in base64."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def artifacts_of(run: StoredRun, kind: str) -> dict[str, Artifact]:
    """Return the artifacts of one type that a run made, by name and version."""
    return {artifact.name: artifact for artifact in run.logged_artifacts() if artifact.type == kind}


def file_of(run: StoredRun, name: str) -> Path:
    """Return where a file of a run lies; its name must have the digest of its content in it, as media's have."""
    path = Path(unquote(urlsplit(run.file(name).url).path))
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:20] in path.name
    return path


def brightness(path: Path) -> int:
    """Return the sum of all values of a picture's points, of all channels."""
    with Image.open(path) as picture:
        return int(np.asarray(picture, dtype=np.int64).sum())


def plain(config: Mapping[str, Any]) -> Any:
    """Return a config without the addresses that its descriptions of objects have, which differ from run to run."""
    return json.loads(re.sub(r"0x[0-9a-f]{6,}", "0x", json.dumps(config)))


def table_named(artifact: Artifact, folder: Path) -> dict[str, Any]:
    """Return the table of an artifact that a logged table made, and leave its pictures in `folder`."""
    root = Path(artifact.download(str(folder)))
    (path,) = root.glob("*.table.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
