"""Artifacts go out with the bytes that were logged, wherever these are by now, or with none."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runstore.core.manifest import text_of
from runstore.core.rescued import entry_blob, list_blob
from runstore.errors import LogError, RemoteConflict
from runstore.index.rescue import securing
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactRecord, Record
from runstore.syncd.remotes.runs import OutgoingArtifact
from runstore.syncd.runwise.content.artifacts import artifact_at
from runstore.syncd.runwise.content.walk import walk
from tests.index.stocklogs import StockRun, digest_of, original
from tests.index.writing import plain_rows, write_log
from tests.syncd.runwise.walking import part_of

DATA = b"weights"


def sent(log: Path) -> OutgoingArtifact:
    """Return the one artifact of a log."""
    part = part_of(log)
    ((offset, _),) = [found for batch in walk(part, {}, None, 1 << 20, True) for found in batch.artifacts]
    return artifact_at(part, offset)


def sources(artifact: OutgoingArtifact) -> Mapping[str, bytes | None]:
    return {entry.path: entry.source.read_bytes() if entry.source else None for entry in artifact.entries}


def stock_run(folder: Path, local: Path, data: bytes = DATA) -> StockRun:
    run = StockRun(folder)
    run.logs("model", {"a/weights.bin": (local, data)})
    return run.write()


def test_everything_that_a_record_says_goes_out(tmp_path: Path) -> None:
    known = ArtifactRecord(
        type="model", name="net", digest="d" * 32, description="what", metadata='{"n":1}', aliases=["best", "latest"],
        client_id="c", sequence_client_id="s", tags=["t"], digest_algorithm="MANIFEST_MD5", ttl_duration_seconds=-2,
        base_id="b", incremental_beta1=True, finalize=True,
    )  # fmt: skip
    known.manifest.version, known.manifest.storage_policy = 1, "wandb-storage-policy-v1"
    known.manifest.storage_policy_config.add(key="storageLayout", value_json='"V2"')
    entry = known.manifest.contents.add(path="far", digest="etag", ref="s3://b/k", size=5, birth_artifact_id="x")
    entry.extra.add(key="etag", value_json='"e"')
    artifact = sent(write_log(tmp_path, [*plain_rows(range(3)), codec.encode(Record(artifact=known))]))
    (far,) = artifact.entries
    assert (far.path, far.digest, far.ref, far.size, far.source) == ("far", "etag", "s3://b/k", 5, None)
    assert (far.extra, far.birth_artifact_id, far.skip_cache) == ({"etag": "e"}, "x", False)
    assert replace(artifact, entries=()) == OutgoingArtifact(
        type="model", name="net", digest="d" * 32, entries=(), algorithm="MANIFEST_MD5", description="what",
        metadata='{"n":1}', aliases=("best", "latest"), tags=("t",), client_id="c", sequence_client_id="s",
        is_incremental=True, base_id="b", ttl_seconds=-2, storage_config={"storageLayout": "V2"},
    )  # fmt: skip


@pytest.mark.parametrize(("finalize", "is_final"), [(True, True), (False, False)])
def test_part_that_is_not_the_last_is_told(finalize: bool, is_final: bool, tmp_path: Path) -> None:
    record = ArtifactRecord(name="n", type="t", distributed_id="d", finalize=finalize)
    artifact = sent(write_log(tmp_path, [codec.encode(Record(artifact=record))]))
    assert (artifact.distributed_id, artifact.is_final) == ("d", is_final)


@pytest.mark.parametrize("is_input", [True, False])
def test_input_is_told_from_what_the_run_made(is_input: bool, tmp_path: Path) -> None:
    record = ArtifactRecord(name="n", type="t", user_created=is_input, use_after_commit=is_input)
    artifact = sent(write_log(tmp_path, [codec.encode(Record(artifact=record))]))
    assert (artifact.is_output, artifact.is_used) == (not is_input, is_input)


def test_bytes_in_the_run_directory_are_found_wherever_that_is_now(tmp_path: Path) -> None:
    run = StockRun(tmp_path)
    name = hashlib.sha256(DATA).hexdigest()
    run.logs("model", {"w": (tmp_path / "gone" / "blobs" / name, DATA)})
    run.write()
    run.blobs.mkdir()
    (run.blobs / name).write_bytes(DATA)
    moved = tmp_path / "moved"
    shutil.move(run.log.parent, moved)
    assert sources(sent(moved / run.log.name)) == {"w": DATA}


def test_bytes_that_were_rescued_are_found_when_the_original_is_gone(tmp_path: Path) -> None:
    run = stock_run(tmp_path, tmp_path / "gone")
    run.blobs.mkdir()
    (run.blobs / (entry_blob(digest_of(DATA)) or "")).write_bytes(DATA)
    assert sources(sent(run.log)) == {"a/weights.bin": DATA}


def test_bytes_are_taken_from_where_stock_left_them_if_they_are_as_they_were(tmp_path: Path) -> None:
    place = original(tmp_path, "weights.bin", DATA)
    run = stock_run(tmp_path, place)
    assert sources(sent(run.log)) == {"a/weights.bin": DATA}
    place.write_bytes(DATA[::-1])
    assert sources(sent(run.log)) == {"a/weights.bin": None}
    place.write_bytes(DATA + b"more")
    assert sources(sent(run.log)) == {"a/weights.bin": None}


def test_log_that_is_somebody_elses_names_no_file_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stock_run(tmp_path, original(tmp_path, "weights.bin", DATA))
    monkeypatch.setattr(securing, "is_own_file", lambda path: False)
    assert sources(sent(run.log)) == {"a/weights.bin": None}


def test_digest_of_another_algorithm_is_checked_by_that(tmp_path: Path) -> None:
    run = StockRun(tmp_path)
    run.logs("model", {"w": (original(tmp_path, "w", DATA), DATA)}, "XXH128")
    assert sources(sent(run.write().log)) == {"w": DATA}


def test_digest_that_nothing_installed_can_check_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = StockRun(tmp_path)
    run.logs("model", {"w": (original(tmp_path, "w", DATA), DATA)}, "XXH128")
    run.write()
    monkeypatch.setitem(sys.modules, "xxhash", None)
    with pytest.raises(RemoteConflict, match="model: .*pip install xxhash; the artifact was not sent"):
        sent(run.log)


def test_entries_that_are_listed_in_a_file_are_read_from_there_or_its_copy(tmp_path: Path) -> None:
    run = StockRun(tmp_path)
    listed = run.lists("many", {f"{n}.bin": (original(tmp_path, f"{n}.bin", b"%d" % n), b"%d" % n) for n in range(3)})
    run.write()
    everything = {"0.bin": b"0", "1.bin": b"1", "2.bin": b"2"}
    assert sources(sent(run.log)) == everything
    run.blobs.mkdir()
    shutil.move(listed, run.blobs / list_blob(str(listed)))
    assert sources(sent(run.log)) == everything
    shutil.rmtree(run.blobs)
    with pytest.raises(RemoteConflict, match="many.*not sent"):
        sent(run.log)


def test_digest_that_is_none_finds_no_bytes(tmp_path: Path) -> None:
    place = original(tmp_path, "w", DATA)
    record = ArtifactRecord(name="n", type="t")
    record.manifest.contents.add(path="w", digest="no digest", size=len(DATA), local_path=str(place))
    record.manifest.contents.add(path="v", digest=text_of(b"12"), size=len(DATA), local_path=str(place))
    assert sources(sent(write_log(tmp_path, [codec.encode(Record(artifact=record))]))) == {"w": None, "v": None}


def test_place_without_an_artifact_is_an_error(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(3)))
    with pytest.raises(LogError, match="no artifact at offset 7"):
        artifact_at(part_of(log), 7)
