"""Artifacts: what is added is copied at once, and what is logged names bytes that lie in the run directory."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, Error, UsageError, WrongArtifact
from runstore.runlog.record_pb2 import ArtifactManifestEntry, ArtifactRecord
from runstore.sdk.artifacts import recording as artifactlog
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.facts import ArtifactTTL
from runstore.sdk.media.table import Table
from tests.sdk import reading
from tests.sdk.reading import begin


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


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with some files."""
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    return folder


def test_a_logged_artifact_is_recorded_with_all_that_is_known_of_it(folder: Path, source: Path) -> None:
    run = begin(project="p", entity="e", id="arts")
    artifact = Artifact("ds", "dataset", description="words", metadata={"a": 1, "nan": float("nan"), "t": (1, 2)})
    artifact.add_file(source / "a.txt")
    artifact.add_dir(source, name="all")
    assert run.log_artifact(artifact, aliases=["z", "best"], tags=["t2", "t1", "t2"]) is artifact
    run.finish()
    (record,) = logged(folder)
    assert (record.run_id, record.project, record.entity) == ("arts", "p", "e")
    assert (record.name, record.type, record.description) == ("ds", "dataset", "words")
    assert json.loads(record.metadata) == {"a": 1, "nan": None, "t": [1, 2]}
    assert list(record.aliases) == ["best", "latest", "z"]
    assert list(record.tags) == ["t2", "t1"]
    assert record.finalize
    assert (record.digest, record.digest_algorithm) == (artifact.digest, "MANIFEST_MD5")
    assert (record.manifest.version, record.manifest.storage_policy) == (1, "wandb-storage-policy-v1")
    assert [(item.key, item.value_json) for item in record.manifest.storage_policy_config] == [
        ("storageLayout", '"V2"')
    ]
    assert contents(record) == {"a.txt": b"a", "all/a.txt": b"a", "all/sub/b.txt": b"b"}
    assert [entry.path for entry in record.manifest.contents] == sorted(contents(record))
    assert {len(record.client_id), len(record.sequence_client_id)} == {128}


def test_equal_bytes_are_kept_once(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    for name in ("one", "two", "three"):
        artifact.add_file(source / "a.txt", name=name)
    run.log_artifact(artifact)
    assert len(list((Path(run.sync_dir) / "blobs").iterdir())) == 1


def test_a_file_may_be_deleted_right_after_it_was_added(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    link = source / "link"
    link.symlink_to("a.txt")
    artifact.add_file(link)
    shutil.rmtree(source)
    run.log_artifact(artifact)
    assert contents(logged(folder)[0]) == {"link": b"a"}


def test_an_artifact_that_was_made_before_the_run_comes_into_it(folder: Path, source: Path) -> None:
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    with artifact.new_file("new.bin", mode="wb") as file:
        file.write(b"new")
    before = [entry.local_path for entry in artifact.manifest]
    run = begin()
    run.log_artifact(artifact)
    run.finish()
    for path in before:
        assert path is not None
        os.unlink(path)
    assert contents(logged(folder)[0]) == {"a.txt": b"a", "new.bin": b"new"}


def test_what_was_staged_goes_away_with_the_process(source: Path, tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    done = reading.program(
        f"""
        import os, sys
        import runstore

        artifact = runstore.Artifact("a", "t")
        artifact.add_file({str(source / "a.txt")!r})
        if os.fork() == 0:
            sys.exit()
        os.wait()
        print(os.path.exists(artifact.get_entry("a.txt").local_path))
        """,
        TMPDIR=str(tmp_path / "staging"),
    )
    assert reading.succeeded(done) == "True\n"
    assert list((tmp_path / "staging").iterdir()) == []


def test_one_artifact_can_be_logged_to_two_runs(folder: Path, source: Path) -> None:
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    for run_id in ("one", "two"):
        with begin(id=run_id) as run:
            run.log_artifact(artifact)
    for log in reading.logs(folder):
        (record,) = (found.artifact for found in reading.records(log) if found.HasField("artifact"))
        assert Path(record.manifest.contents[0].local_path).parent == log.parent / "blobs"
        assert record.client_id == artifact.client_id


def test_a_forked_child_logs_artifacts_with_their_bytes(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    pid = os.fork()
    if pid == 0:
        run.log_artifact(artifact)
        run.finish()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    run.finish()
    _, child = reading.logs(folder)
    (record,) = (found.artifact for found in reading.records(child) if found.HasField("artifact"))
    assert Path(record.manifest.contents[0].local_path).parent == child.parent / "blobs"
    assert contents(record) == {"a.txt": b"a"}


def test_paths_are_logged_as_artifacts(folder: Path, source: Path) -> None:
    run = begin(id="paths")
    assert run.log_artifact(source / "a.txt").name == "run-paths-a.txt"
    assert run.log_artifact(str(source), name="folder", type="dataset").type == "dataset"
    run.log_artifact(f"file://{source}/a.txt", name="reference")
    run.log_model(source / "a.txt", "model", ["best"])
    with pytest.raises(ValueError, match="nowhere"):
        run.log_artifact("nowhere")
    with pytest.raises(TypeError, match="int"):
        run.log_artifact(3)  # type: ignore[arg-type]
    file, below, reference, model = logged(folder)
    assert (file.type, contents(file)) == ("unspecified", {"a.txt": b"a"})
    assert contents(below) == {"a.txt": b"a", "sub/b.txt": b"b"}
    assert reference.manifest.contents[0].ref == f"file://{source}/a.txt"
    assert (model.type, list(model.aliases)) == ("model", ["best", "latest"])


def test_the_order_of_adding_does_not_matter_and_the_same_again_is_harmless(source: Path) -> None:
    one, other = Artifact("a", "t"), Artifact("a", "t")
    one.add_file(source / "a.txt")
    one.add_dir(source)
    other.add_dir(source)
    assert one.digest == other.digest
    (source / "a.txt").write_text("changed")
    with pytest.raises(ValueError, match=r"a\.txt"):
        one.add_file(source / "a.txt")
    with pytest.raises(ValueError, match=r"a\.txt"):
        one.add_dir(source)
    one.add_dir(source, merge=True)
    other.add_file(source / "a.txt", overwrite=True)
    assert one.digest == other.digest


def test_a_temporary_file_is_named_by_its_content(source: Path) -> None:
    artifact = Artifact("a", "t")
    (source / "f.bin").write_text("f.bin")
    assert artifact.add_file(source / "f.bin", name="x/random.tar.gz", is_tmp=True).path == (
        "x/667eb3826f92d28073dc.tar.gz"
    )


def test_folders_that_contain_themselves_end(source: Path) -> None:
    (source / "sub" / "round").symlink_to(source)
    artifact = Artifact("a", "t")
    artifact.add_dir(source)
    assert sorted(artifact.manifest.entries) == ["a.txt", "sub/b.txt"]


def test_what_is_no_file_is_refused(source: Path) -> None:
    os.mkfifo(source / "pipe")
    artifact = Artifact("a", "t")
    with pytest.raises(ValueError, match="pipe"):
        artifact.add_dir(source)
    with pytest.raises(ValueError, match="no file"):
        artifact.add_file(source / "missing")
    with pytest.raises(ValueError, match="no folder"):
        artifact.add_dir(source / "a.txt")
    with pytest.raises(ValueError, match="policy"):
        artifact.add_file(source / "a.txt", policy="copy")  # type: ignore[arg-type]
    for name in ("../out", "/out"):
        with pytest.raises(ValueError, match="no path inside"):
            artifact.add_file(source / "a.txt", name=name)


def test_new_files(source: Path) -> None:
    artifact = Artifact("a", "t")
    with artifact.new_file("sub/new.txt", encoding="utf-16") as file:
        file.write("ü")
    with pytest.raises(ValueError, match="new.txt"), artifact.new_file("sub/new.txt"):
        pass
    with artifact.new_file("sub/new.txt", mode="ab") as file:
        file.write(b"more")
    with contextlib.suppress(RuntimeError), artifact.new_file("broken") as file:
        file.write("half")
        raise RuntimeError
    path = artifact.get_entry("sub/new.txt").local_path
    assert path is not None
    assert Path(path).read_bytes() == "ü".encode("utf-16") + b"more"
    assert list(artifact.manifest.entries) == ["sub/new.txt"]


def test_references_to_files_are_digested_and_not_copied(source: Path) -> None:
    artifact = Artifact("a", "t")
    one, two = artifact.add_reference(f"file://{source}", name="data")
    assert (one.path, one.ref, one.size) == ("data/a.txt", f"file://{source}/a.txt", 1)
    assert one.digest == base64.b64encode(hashlib.md5(b"a").digest()).decode()
    assert two.path == "data/sub/b.txt"
    (unchecked,) = artifact.add_reference(f"file://{source}/a.txt", name="x", checksum=False)
    address = (source / "a.txt").resolve().as_uri().encode()
    assert unchecked.digest == base64.b64encode(hashlib.md5(address).digest()).decode()
    assert all(entry.local_path is None for entry in artifact.manifest)
    with pytest.raises(ValueError, match="max_objects"):
        artifact.add_reference(f"file://{source}", max_objects=1)


@pytest.mark.parametrize(
    ("uri", "name", "path"),
    [
        ("s3://bucket/k/e", None, "k/e"),
        ("s3://bucket", None, "bucket"),
        ("gs://bucket/e?v=1", "given", "given"),
        ("http://host/k/e.txt", None, "e.txt"),
        ("nfs://host/x", "given", "given"),
    ],
)
def test_references_to_the_network_are_kept_as_they_are(uri: str, name: str | None, path: str) -> None:
    artifact = Artifact("a", "t")
    (entry,) = artifact.add_reference(uri, name=name, checksum=False)
    assert (entry.path, entry.size, entry.local_path) == (path, None, None)
    assert entry.digest == entry.ref


def test_references_that_can_not_be(source: Path) -> None:
    artifact = Artifact("a", "t")
    with pytest.raises(ValueError, match="file://"):
        artifact.add_reference("/a/path")
    with pytest.raises(ValueError, match="neither"):
        artifact.add_reference("file:///nowhere")
    with pytest.raises(ValueError, match="name"):
        artifact.add_reference("nfs://host/x")
    with pytest.raises(UsageError, match="checksum=False"):
        artifact.add_reference("s3://bucket/key")


def test_media_are_added_with_their_kind_in_the_name(folder: Path) -> None:
    artifact = Artifact("a", "t")
    table = Table(columns=["x"], data=[[1]])
    assert artifact.add(table, "sub/t").path == "sub/t.table.json"
    assert artifact.add(table, "again").path == "sub/t.table.json"
    artifact["other"] = Table(columns=["x"], data=[[2]])
    assert artifact.get("sub/t") is table
    assert artifact["sub/t.table.json"] is table
    assert artifact.get("nothing") is None
    assert artifact.get_entry("other").path == "other.table.json"
    with pytest.raises(KeyError, match="nothing"):
        artifact.get_entry("nothing")
    with pytest.raises(TypeError, match="int"):
        artifact.add(1, "x")  # type: ignore[arg-type]


def test_media_of_a_logged_artifact_become_references(folder: Path) -> None:
    run = begin()
    first, second = Artifact("first", "t"), Artifact("second", "t")
    table = Table(columns=["x"], data=[[1]])
    first.add(table, "t")
    run.log_artifact(first)
    second.add(table, "u")
    run.log_artifact(second)
    (entry,) = logged(folder)[1].manifest.contents
    assert entry.ref == f"wandb-client-artifact://{first.client_id}/t.table.json"
    assert entry.digest == first.get_entry("t").digest


def test_entries_are_removed(source: Path) -> None:
    artifact = Artifact("a", "t")
    artifact.add_dir(source)
    artifact.remove("sub")
    artifact.remove(artifact.get_entry("a.txt"))
    assert len(artifact.manifest) == 0
    with pytest.raises(FileNotFoundError, match="sub"):
        artifact.remove("sub")


def test_a_logged_artifact_does_not_change(source: Path) -> None:
    run = begin()
    artifact = run.log_artifact(Artifact("a", "t"))
    for change in (
        lambda: artifact.add_file(source / "a.txt"),
        lambda: artifact.add_dir(source),
        lambda: artifact.add_reference("file:///x"),
        lambda: artifact.remove("x"),
        lambda: artifact.add(Table(), "x"),
    ):
        with pytest.raises(ArtifactFinalizedError, match="artifact a was logged"):
            change()


def test_what_only_a_logged_artifact_has(folder: Path) -> None:
    artifact = Artifact("a", "t")
    assert (artifact.state, artifact.is_draft(), artifact.id) == ("PENDING", True, None)
    for name in ("version", "aliases", "tags", "created_at", "entity", "qualified_name", "url", "ttl"):
        with pytest.raises(AttributeError):
            getattr(artifact, name)
    with pytest.raises(ArtifactNotLoggedError):
        artifact.wait()
    run = begin(project="p", entity="e")
    logged = run.log_artifact(artifact, aliases=["best"], tags=["x"])
    assert logged.wait() is logged
    assert (logged.state, logged.is_draft()) == ("COMMITTED", False)
    assert (logged.aliases, logged.tags) == (["best", "latest"], ["x"])
    assert (logged.entity, logged.project, logged.qualified_name) == ("e", "p", "e/p/a")
    assert logged.created_at.endswith("+00:00")
    with pytest.raises(ArtifactNotLoggedError, match="delivered"):
        _ = logged.version


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b", "t"),
        ("a b", "t"),
        ("", "t"),
        ("a\n", "t"),
        ("x" * 129, "t"),
        ("x", "job"),
        ("x", "wandb-x"),
        ("source-x", "code"),
        ("run-x", "run_table"),
    ],
)
def test_names_and_types_that_can_not_be(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="artifact"):
        Artifact(name, kind)


def test_metadata_aliases_and_tags_that_can_not_be() -> None:
    for metadata in ({str(i): i for i in range(101)}, {"a": float("inf")}):
        with pytest.raises(ValueError, match="metadata"):
            Artifact("a", "t", metadata=metadata)
    with pytest.raises(TypeError, match="metadata"):
        Artifact("a", "t", metadata=[1])  # type: ignore[arg-type]
    run = begin()
    with pytest.raises(ValueError, match="alias"):
        run.log_artifact(Artifact("a", "t"), aliases=["a/b"])
    with pytest.raises(ValueError, match="tag"):
        run.log_artifact(Artifact("a", "t"), tags=["a/b"])


def test_metadata_that_was_changed_in_place_is_checked_and_logged(folder: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t", metadata={"a": 1})
    artifact.metadata["b"] = (2, Path("x"))
    run.log_artifact(artifact)
    assert json.loads(logged(folder)[0].metadata) == {"a": 1, "b": [2, "x"]}


def test_how_long_an_artifact_is_kept(folder: Path) -> None:
    run = begin()
    for ttl in (None, ArtifactTTL.INHERIT, timedelta(days=2)):
        artifact = Artifact("a", "t")
        artifact.ttl = ttl
        run.log_artifact(artifact)
    run.log_artifact(Artifact("a", "t"))
    assert [record.ttl_duration_seconds for record in logged(folder)] == [-2, -1, 172_800, 0]
    with pytest.raises(ValueError, match="positive"):
        artifact.ttl = timedelta()
    with pytest.raises(TypeError, match="int"):
        artifact.ttl = 5  # type: ignore[assignment]


def test_what_several_runs_make_together(folder: Path, source: Path) -> None:
    run = begin(group="the group")
    run.upsert_artifact(str(source / "a.txt"), "both", "t")
    run.finish_artifact(str(source / "sub" / "b.txt"), "both", "t", distributed_id="given")
    upserted, finished = logged(folder)
    assert (upserted.distributed_id, upserted.finalize) == ("the group", False)
    assert (finished.distributed_id, finished.finalize) == ("given", True)


def test_parts_of_an_artifact_need_a_name_for_the_whole() -> None:
    with pytest.raises(TypeError, match="distributed_id"):
        begin().upsert_artifact("x", "both", "t")


def test_an_input_that_was_not_logged_is_logged_as_an_input(folder: Path, source: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    assert run.use_artifact(artifact) is artifact
    assert run.use_artifact(artifact) is artifact
    (record,) = logged(folder)
    assert record.use_after_commit


def test_names_can_not_be_looked_up_yet(folder: Path) -> None:
    run = begin()
    artifact = Artifact("a", "t")
    for use in (
        lambda: run.use_artifact("x:latest"),
        lambda: run.use_model("x:latest"),
        lambda: run.link_artifact(artifact, "registry/x"),
    ):
        with pytest.raises(Error, match="yet"):
            use()
    assert [record.name for record in logged(folder)] == ["a"]


def test_a_draft_can_save_itself(folder: Path) -> None:
    Artifact("alone", "t").save(project="p")
    assert runstore.run is None
    (record,) = logged(folder)
    assert (record.name, record.project) == ("alone", "p")


def test_a_full_disk_is_said_and_training_goes_on(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = Artifact("a", "t")
    artifact.add_file(source / "a.txt")
    run = begin()

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runstore.blobs.store.BlobStore.adopt", refuse)
    assert run.log_artifact(artifact).is_draft()
    run.log({"loss": 1})
    run.finish()
    assert "artifact a is not logged: No space left on device" in capfd.readouterr().err
    assert logged(folder) == []
    assert reading.rows(reading.only_log(folder)) == [(0, {"loss": 1})]


def test_very_many_entries_are_kept_in_a_file(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifactlog, "MAX_ENTRIES_IN_RECORD", 1)
    run = begin()
    run.log_artifact(source, "many")
    (record,) = logged(folder)
    assert list(record.manifest.contents) == []
    with gzip.open(record.manifest.manifest_file_path, "rt") as lines:
        entries = [json.loads(line) for line in lines]
    assert [entry["path"] for entry in entries] == ["a.txt", "sub/b.txt"]
    assert Path(entries[0]["local_path"]).read_bytes() == b"a"


def test_client_ids_differ_whatever_the_seed() -> None:
    import random

    ids = set()
    for _ in range(2):
        random.seed(0)
        artifact = Artifact("a", "t")
        ids |= {artifact.client_id, artifact.sequence_client_id}
    assert len(ids) == 4


def test_a_wrong_artifact_is_a_usage_error_too() -> None:
    assert issubclass(WrongArtifact, UsageError)
