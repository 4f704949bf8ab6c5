"""What changes of an artifact after it was logged: aliases, tags, what is said of it, links, its end, its next."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import runstore
from runstore.errors import ArtifactNotFound, CommError
from runstore.index.database import index_path
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.life import HasAliases, NotALink
from tests.sdk.artifactlogs import logged, moves
from tests.sdk.asking import made, tree
from tests.sdk.reading import begin, only_log


def looked_up(name: str) -> Artifact:
    return runstore.Api().artifact(name)


@pytest.fixture
def two(folder: Path) -> Path:
    """Return the folder of a finished run that logged two versions of p/net, v0 as best."""
    with begin(project="p", id="makes") as run:
        run.log_artifact(made("one"), aliases=["best"], tags=["kept"])
        run.log_artifact(made("two"))
    return folder


@pytest.mark.parametrize("in_a_run", [True, False], ids=["in a run", "without a run"])
def test_what_was_changed_counts_from_save_on(in_a_run: bool, two: Path) -> None:
    if in_a_run:
        begin(project="p", id="changes")
    artifact = looked_up("p/net:best")
    artifact.aliases.append("good")
    artifact.aliases.remove("best")
    artifact.tags.append("more")
    artifact.description = "what it is"
    artifact.metadata["n"] = 1
    artifact.ttl = timedelta(days=3)
    assert looked_up("p/net:v0").aliases == ["best"]
    artifact.save()
    found = looked_up("p/net:good")
    assert (found.version, found.aliases, found.tags) == ("v0", ["good"], ["kept", "more"])
    assert (found.description, found.metadata, found.ttl) == ("what it is", {"n": 1}, timedelta(days=3))
    with pytest.raises(ArtifactNotFound):
        looked_up("p/net:best")
    assert bool(list(two.glob("wandb/*/*.rslog"))) is not in_a_run
    found.save()  # nothing changed, nothing is written
    for path in index_path().parent.glob("index.db*"):
        path.unlink()
    assert (looked_up("p/net:good").description, looked_up("p/net:latest").version) == ("what it is", "v1")


def test_an_alias_moves_to_the_version_that_took_it_last(two: Path) -> None:
    newer = looked_up("p/net:v1")
    newer.aliases.append("best")
    newer.save()
    assert looked_up("p/net:best").version == "v1"
    assert looked_up("p/net:v0").aliases == []


def test_changes_that_can_not_be_are_refused_and_change_nothing(two: Path) -> None:
    artifact = looked_up("p/net:v0")
    artifact.aliases.append("a/b")
    with pytest.raises(ValueError, match="neither `/` nor `:`"):
        artifact.save()
    assert looked_up("p/net:v0").aliases == ["best"]


def test_changes_of_what_this_run_logged_are_in_its_own_log(folder: Path) -> None:
    run = begin(project="p")
    artifact = run.log_artifact(made("one"))
    artifact.aliases = [*artifact.aliases, "best"]
    artifact.save()
    assert [(move.version, move.aliases) for move in moves(only_log(folder))] == [(0, ("latest",)), (None, ("best",))]
    assert run.use_artifact("net:best").version == "v0"


def test_a_version_is_deleted_and_its_number_stays_taken(two: Path) -> None:
    latest = looked_up("p/net:latest")
    with pytest.raises(HasAliases, match=r"has aliases \(latest\)") as raised:
        latest.delete()
    assert isinstance(raised.value, CommError)
    latest.delete(delete_aliases=True)
    assert latest.state == "DELETED"
    with pytest.raises(ArtifactNotFound):
        looked_up("p/net:v1")
    assert [artifact.version for artifact in runstore.Api().artifacts("model", "p/net")] == ["v0"]
    with begin(project="p") as run:
        assert run.log_artifact(made("three")).version == "v2"


@pytest.mark.parametrize("in_a_run", [True, False], ids=["in a run", "without a run"])
def test_a_link_is_a_version_of_another_collection(in_a_run: bool, two: Path) -> None:
    if in_a_run:
        begin(project="p", id="links")
    linked = looked_up("p/net:best").link("registry/nets", ["production"])
    assert (linked.name, linked.is_link, linked.aliases) == ("nets:v0", True, ["latest", "production"])
    assert (linked.source_name, linked.source_qualified_name, linked.linked_at) == (
        *("net:v0", "p/net:v0"),
        linked.updated_at,
    )
    found = looked_up("registry/nets:production")
    assert (found.is_link, found.source_version, found.project, found.source_project) == (True, "v0", "registry", "p")
    assert tree(found.download(two / "root")) == {"weights.txt": b"one"}
    assert found.source_artifact.qualified_name == "p/net:v0"
    source = looked_up("p/net:v0")
    assert [link.qualified_name for link in source.linked_artifacts] == ["registry/nets:v0"]
    assert source.source_artifact is source
    assert found.linked_artifacts == []
    assert not found.collection.is_sequence()
    assert found.source_collection.is_sequence()


def test_uses_of_a_link_are_uses_of_the_artifact(two: Path) -> None:
    looked_up("p/net:best").link("registry/nets")
    with begin(project="p", id="uses") as run:
        run.use_artifact("registry/nets:latest")
    assert [user.id for user in looked_up("p/net:v0").used_by()] == ["uses"]


def test_a_link_is_taken_away_and_the_artifact_stays(two: Path) -> None:
    looked_up("p/net:best").link("registry/nets")
    looked_up("registry/nets:latest").unlink()
    with pytest.raises(ArtifactNotFound):
        looked_up("registry/nets:v0")
    assert looked_up("p/net:best").linked_artifacts == []
    with pytest.raises(NotALink):
        looked_up("p/net:best").unlink()
    looked_up("p/net:best").link("registry/nets")
    looked_up("registry/nets:latest").delete()
    assert looked_up("p/net:best").version == "v0"


def test_a_draft_of_a_version_has_its_files_and_becomes_the_next(two: Path, tmp_path: Path) -> None:
    draft = looked_up("p/net:best").new_draft()
    assert (draft.name, draft.type, draft.is_draft()) == ("net", "model", True)
    with draft.new_file("more.txt") as file:
        file.write("more")
    with begin(project="p", id="drafts") as run:
        assert run.log_artifact(draft).version == "v2"
    assert tree(looked_up("p/net:v2").download(tmp_path / "root")) == {"weights.txt": b"one", "more.txt": b"more"}
    (log,) = two.glob("wandb/*/run-drafts.wandb")
    assert len(list((log.parent / "blobs").iterdir())) == 2


def test_an_input_that_was_not_logged_can_be_looked_up(folder: Path, source: Path) -> None:
    """As fastai does it with its data."""
    run = begin(project="p")
    artifact = Artifact("data", "dataset")
    artifact.add_dir(source)
    used = run.use_artifact(artifact)
    assert used is artifact
    assert (used.wait().name, [record.use_after_commit for record in logged(folder)]) == ("data:v0", [True])
    assert [user.id for user in looked_up("p/data").used_by()] == [run.id]
