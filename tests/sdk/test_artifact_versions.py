"""Versions: an artifact has its number and its aliases when log_artifact returns, and other collections by links."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from runstore.core.moves import CollectionPath, Move
from runstore.errors import ArtifactNotLoggedError
from runstore.query.artifacts.registry import Registry
from runstore.query.artifacts.version import Version
from runstore.sdk.artifacts import claiming
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.facts import ArtifactTTL
from runstore.sdk.media.table import Table
from tests.sdk import reading
from tests.sdk.artifactlogs import logged, moves
from tests.sdk.reading import begin


def made(content: str, name: str = "a", incremental: bool = False) -> Artifact:
    """Return an artifact with one file."""
    artifact = Artifact(name, "t", incremental=incremental)
    with artifact.new_file(f"{content}.txt") as file:
        file.write(content)
    return artifact


def known(*collection: str) -> list[Version]:
    """Return the versions of a collection that the index has, the first first."""
    registry = Registry.open()
    try:
        return registry.versions(CollectionPath(*collection))[::-1]
    finally:
        registry.close()


def test_versions_are_numbered_at_once_and_equal_content_is_no_new_one(folder: Path) -> None:
    run = begin(project="p", entity="e")
    logged_ = [run.log_artifact(made(content)) for content in ("one", "two", "one")]
    assert [artifact.version for artifact in logged_] == ["v0", "v1", "v0"]
    assert logged_[1].qualified_name == "e/p/a:v1"
    assert [(move.version, move.collection) for move in moves(reading.only_log(folder))] == [
        (number, CollectionPath("e", "p", "a")) for number in (0, 1, 0)
    ]
    assert [(version.number, version.aliases) for version in known("e", "p", "a")] == [(0, ("latest",)), (1, ())]


def test_a_move_comes_before_its_artifact_in_the_log(folder: Path) -> None:
    run = begin()
    artifact = run.log_artifact(made("one"), aliases=["best"])
    found = [record for record in reading.records(reading.only_log(folder)) if record.WhichOneof("record_type") in (
        "artifact", "footer",
    )]  # fmt: skip
    assert [record.WhichOneof("record_type") for record in found[-2:]] == ["footer", "artifact"]
    (move,) = moves(reading.only_log(folder))
    assert move == Move(move.made_ns, artifact.client_id, CollectionPath.of("", "", "a"), "t", 0, ("best", "latest"))


def test_runs_count_on_where_others_stopped(folder: Path) -> None:
    for number, content in enumerate(("one", "two", "three")):
        with begin(project="p") as run:
            assert run.log_artifact(made(content)).version == f"v{number}"
    with begin(project="other") as run:
        assert run.log_artifact(made("one")).version == "v0"


def test_an_artifact_that_is_logged_again_only_gets_the_aliases(folder: Path) -> None:
    run = begin(project="p")
    first = run.log_artifact(made("one"), aliases=["best"])
    second = run.log_artifact(made("two"), aliases=["best", "candidate"])
    assert run.log_artifact(first, aliases=["chosen"]) is first
    assert (first.version, first.aliases) == ("v0", ["chosen", "latest"])
    assert second.version == "v1"
    assert [version.aliases for version in known("", "p", "a")] == [("chosen", "latest"), ("best", "candidate")]


def test_a_version_of_another_type_is_recorded_and_said_since_a_server_would_refuse_it(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(project="p")
    run.log_artifact(made("one"))
    run.log_artifact(made("two"))
    assert "is of type" not in capfd.readouterr().err
    other = Artifact("a", "dataset")
    with other.new_file("three.txt"):
        pass
    assert run.log_artifact(other).wait().version == "v2"
    assert "a:v1 is of type 't'; a version of type 'dataset' is recorded" in capfd.readouterr().err


def test_an_artifact_is_linked_to_another_collection(folder: Path) -> None:
    run = begin(project="p", entity="e")
    artifact = run.log_artifact(made("one"))
    link = run.link_artifact(artifact, "registry/chosen", aliases=["production"])
    assert (link.qualified_name, link.version, link.is_link) == ("e/registry/chosen:v0", "v0", True)
    assert (link.source_qualified_name, link.aliases) == ("e/p/a:v0", ["latest", "production"])
    assert (artifact.qualified_name, artifact.is_link) == ("e/p/a:v0", False)
    move = moves(reading.only_log(folder))[-1]
    assert (move.linked, move.version, move.client_id) == (True, 0, artifact.client_id)
    assert move.collection == CollectionPath("e", "registry", "chosen")


def test_a_draft_is_logged_before_it_is_linked(folder: Path, source: Path) -> None:
    run = begin(project="p")
    assert run.link_artifact(made("one"), "team/registry/chosen").qualified_name == "team/registry/chosen:v0"
    assert run.link_artifact(made("two"), "chosen").qualified_name == "p/chosen:v0"
    model = run.link_model(source / "a.txt", "detector", name="net")
    assert model is not None
    assert model.qualified_name == "model-registry/detector:v0"
    assert [record.name for record in logged(folder)] == ["a", "a", "net"]
    for path in ("", "a//b", "a/b/c/d", "a:v1"):
        with pytest.raises(ValueError, match="entity/project/collection"):
            run.link_artifact(model, path)
    with pytest.raises(ValueError, match="registered model"):
        run.link_model(source / "a.txt", "registry/detector")


def test_an_incremental_artifact_names_the_version_that_it_adds_to(folder: Path) -> None:
    run = begin(project="p")
    first = run.log_artifact(made("one"))
    second = run.log_artifact(made("two", incremental=True))
    assert (first.version, second.version) == ("v0", "v1")
    assert [move.base for move in moves(reading.only_log(folder))] == ["", first.client_id]


def test_tables_that_are_logged_do_not_wait_for_a_number(folder: Path) -> None:
    run = begin(project="p", id="r")
    run.log({"table": Table(columns=["x"], data=[[1]])})
    assert moves(reading.only_log(folder)) == []
    assert [version.number for version in known("", "p", "run-r-table")] == [0]


def test_without_an_index_artifacts_are_logged_and_numbered_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = os.environ["RUNSTORE_HOME"]
    blocked = folder.parent / "blocked"
    blocked.write_text("no folder")
    monkeypatch.setenv("RUNSTORE_HOME", str(blocked / "home"))
    run = begin(project="p")
    for content in ("one", "two"):
        run.log_artifact(made(content))
    assert capfd.readouterr().err.count("get no version before the index can be used again") == 1
    assert [move.version for move in moves(reading.only_log(folder))] == [None, None]
    assert len(logged(folder)) == 2
    monkeypatch.setenv("RUNSTORE_HOME", home)
    assert [version.number for version in known("", "p", "a")] == [0, 1]


def test_a_claim_that_takes_too_long_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(project="p")
    first = run.log_artifact(made("one"))
    monkeypatch.setattr(claiming, "CLAIM_SECONDS", 0.05)
    registry = Registry.open()
    with registry.claiming(CollectionPath("", "p", "a"), ""):
        run.log_artifact(made("two"))
    registry.close()
    assert "get no version" in capfd.readouterr().err
    assert [move.version for move in moves(reading.only_log(folder))] == [0, None]
    assert first.version == "v0"


def test_parts_of_several_runs_become_one_version(folder: Path) -> None:
    with begin(project="p") as run:
        part = run.upsert_artifact(made("one"), distributed_id="all")
        with pytest.raises(ArtifactNotLoggedError, match="a part of an artifact, which gets one when its last part"):
            part.version  # noqa: B018
        assert known("", "p", "a") == []
    with begin(project="p") as run:
        last = run.finish_artifact(made("two"), distributed_id="all")
        assert last.version == "v0"
    (version,) = known("", "p", "a")
    registry = Registry.open()
    assert [entry.path for entry in registry.entries(version)] == ["one.txt", "two.txt"]
    registry.close()


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


def test_each_artifact_that_a_run_uses_is_recorded_once(folder: Path) -> None:
    with begin(project="p", entity="e") as run:
        first = run.log_artifact(made("one"))
        run.log_artifact(made("two"))
    with begin(project="p", entity="e", id="uses") as run:
        for name in ("a:latest", "a:v1", "e/p/a:latest", "a:v0"):
            found = run.use_artifact(name)
        run.use_artifact(found)
        run.use_artifact(first)
    log = next(path for path in reading.logs(folder) if path.name == "run-uses.wandb")
    uses = [record.use_artifact for record in reading.records(log) if record.HasField("use_artifact")]
    assert [(use.name, use.type) for use in uses] == [("e/p/a:v1", "t"), ("e/p/a:v0", "t")]
    assert uses[1].id == first.client_id


def test_an_artifact_of_another_run_that_is_logged_gets_the_aliases(folder: Path) -> None:
    with begin(project="p") as run:
        run.log_artifact(made("one"))
        run.log_artifact(made("two"))
    with begin(project="p") as run:
        run.log_artifact(run.use_artifact("a:v0"), aliases=["chosen"])
    assert [version.aliases for version in known("", "p", "a")] == [("chosen", "latest"), ()]


def test_a_model_is_used_by_the_path_of_its_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = begin(project="p")
    run.log_model(source / "a.txt", "one")
    run.log_model(source, "several")
    run.log_artifact(made("x"))
    assert Path(run.use_model("one")).read_text() == "a"
    assert sorted(os.listdir(run.use_model("several:latest"))) == ["a.txt", "sub"]
    with pytest.raises(ValueError, match="no model"):
        run.use_model("a")
