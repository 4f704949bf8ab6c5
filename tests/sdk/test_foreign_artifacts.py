"""Artifacts in logs that somebody else wrote, who can say anything: only what was asked for is touched."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import NotFound, WrongArtifact
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.query.artifacts.registry import Registry
from runstore.query.artifacts.whereabouts import checked, counted
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from runstore.sdk.artifacts import records
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.landing import DownloadRefused
from runstore.sdk.run import Run
from tests.sdk.asking import made, tree
from tests.sdk.reading import begin


@pytest.fixture
def run(folder: Path) -> Run:
    return begin(project="p")


def said(run: Run, name: str = "foreign", **manifest: Any) -> Artifact:
    """Record an artifact as a foreign tool may, and return it as it is read."""
    entry = made("content").manifest.entries["weights.txt"]
    contents = [{"path": "f", "digest": entry.digest, "size": entry.size, "local_path": entry.local_path}]
    known = {"name": name, "type": "model", "finalize": True, "ttl_duration_seconds": 1 << 62}
    known |= {"digest": hashlib.md5(name.encode()).hexdigest(), "client_id": hashlib.sha512(name.encode()).hexdigest()}
    run._recorder.append(codec.encode(Record(artifact={**known, "manifest": {"contents": contents, **manifest}})))
    (found,) = runstore.Api().run(f"p/{run.id}").logged_artifacts()
    return found


@pytest.mark.parametrize("name", ["..", "../..", "/tmp/away", "a/../../b", ".", "", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_of_downloads_is_refused(
    name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "above" / "work"
    work.mkdir(parents=True)
    (work / "mine").write_text("mine")
    monkeypatch.chdir(work)
    found = said(run, name)
    for way in (found.download, found.checkout, found.verify, found.default_root):
        with pytest.raises(WrongArtifact, match="no folder can be called after"):
            way()
    assert tree(tmp_path / "above") == {"work/mine": b"mine"}
    assert tree(found.download("here")) == {"f": b"content"}


def test_a_time_to_live_beyond_all_times_is_read_as_the_longest(run: Run) -> None:
    assert said(run).ttl == timedelta.max - timedelta(microseconds=999_999)


def test_a_name_of_a_file_that_no_file_can_have_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    found = said(run, contents=[{"path": "x" * 300, "digest": "d", "size": 7}])
    with pytest.raises((DownloadRefused, NotFound), match="x" * 300):
        found.download(tmp_path / "root")


# ---- lists of files that were too long for a record


@pytest.mark.parametrize(
    "line",
    ["no JSON", "[1]", '{"digest": "d"}', '{"path": "a", "size": "1"}', '{"path": 1}', '{"path": "a", "extra": []}'],
)
def test_a_list_of_files_that_is_none_is_refused(line: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "manifest.gz"
    file.write_bytes(gzip.compress(f"{line}\n".encode()))
    with pytest.raises(ManifestMissing, match=r"manifest\.gz: can't be read as the list of an artifact's files"):
        said(run, contents=[], manifest_file_path=str(file)).download(tmp_path / "root")


def test_devices_and_pipes_are_not_read_as_a_list_of_files(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for number, named in enumerate(("/dev/zero", str(tmp_path / "pipe"), str(tmp_path), "nowhere", "a\0b")):
        found = said(begin(project="p", id=f"r{number}"), f"n{number}", contents=[], manifest_file_path=named)
        with pytest.raises(ManifestMissing, match="is not here"):
            found.download(tmp_path / "root")
        runstore.finish()


def test_a_list_of_files_that_unpacks_to_very_much_takes_no_memory(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "manifest.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        for _ in range(200):
            packed.write(bytes(1 << 20))
    found = said(run, contents=[], manifest_file_path=str(file))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ManifestMissing):
        found.download(tmp_path / "root")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


def test_a_lost_list_of_files_is_said_and_nothing_passes_for_whole(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_ENTRIES_IN_RECORD", 0)
    run.log_artifact(made("one"))
    found = runstore.Api().artifact("p/net:v0")
    for blob in folder.glob("wandb/*/blobs/*"):
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            assert json.loads(gzip.decompress(blob.read_bytes()))["path"] == "weights.txt"
            blob.unlink()
    with pytest.raises(FileNotFoundError, match="too long for its log, is not here"):
        found.download(tmp_path / "root")
    assert not (tmp_path / "root").exists()
    registry = Registry.open()
    (version,) = registry.versions(registry.collections("", "p")[0])
    assert counted(checked(registry, version, {}, print)) == {"lost": {"count": 1, "bytes": 0}}
    registry.close()
    assert run.log_artifact(made("two")).wait().version == "v1"  # what came before is no reason to fail
