"""Artifacts: what is added is copied at once, and what is logged names bytes that lie in the run directory."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from pathlib import Path

import pytest

import runstore
from runstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, UsageError, WrongArtifact
from runstore.sdk.artifacts import records
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.media.table import Table
from tests.sdk import reading
from tests.sdk.artifactlogs import contents, logged
from tests.sdk.reading import begin


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
    assert (logged.entity, logged.project, logged.qualified_name) == ("e", "p", "e/p/a:v0")
    assert (logged.version, logged.name) == ("v0", "a:v0")
    assert logged.created_at.endswith("+00:00")


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


def test_a_draft_can_save_itself(folder: Path) -> None:
    Artifact("alone", "t").save(project="p")
    assert runstore.run is None
    (record,) = logged(folder)
    assert (record.name, record.project) == ("alone", "p")


def test_very_many_entries_are_kept_in_a_file(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_ENTRIES_IN_RECORD", 1)
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
