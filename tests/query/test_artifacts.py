"""Artifacts by `runstore.Api`: one by name, all of a collection, the types and collections of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstore
from runstore.errors import ArtifactNotFound, CommError, UsageError, WrongArtifact
from tests.sdk.asking import made

VERSIONS = 7


@pytest.fixture(autouse=True)
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log two models and a data set of a team, and a model of nobody's."""
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    with runstore.init(project="p", entity="team", id="makes") as run:
        for number in range(VERSIONS):
            tags = ["even"] if number % 2 == 0 else []
            run.log_artifact(made(str(number)), aliases=["best"] if number == 2 else [], tags=tags)
        run.log_artifact(made("other", "other"))
        run.log_artifact(made("rows", "data", "dataset"))
    with runstore.init(project="p2", id="alone") as run:
        run.log_artifact(made("mine", "mine"))


@pytest.fixture
def api() -> runstore.Api:
    return runstore.Api()


def test_names_mean_what_the_settings_say_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in ({"entity": "team", "project": "p"}, {"project": "p"}):
        assert runstore.Api(settings).artifact("net:best").qualified_name == "team/p/net:v2"
    monkeypatch.setenv("WANDB_PROJECT", "p")
    assert runstore.Api().artifact("net:best").qualified_name == "team/p/net:v2"
    assert runstore.Api().artifact("p2/mine").qualified_name == "p2/mine:v0"


def test_whether_there_is_a_version_or_a_collection(api: runstore.Api) -> None:
    assert api.artifact_exists("team/p/net:best")
    assert api.artifact_exists("team/p/net:v0", type="model")
    assert not api.artifact_exists("team/p/net:worst")
    assert not api.artifact_exists("team/q/net:best")
    assert api.artifact_collection_exists("team/p/net", "model")
    assert not api.artifact_collection_exists("team/p/net", "dataset")
    assert not api.artifact_collection_exists("team/p/nets", "model")
    with pytest.raises(WrongArtifact):
        api.artifact_exists("team/p/net:best", type="dataset")


def test_a_missing_version_is_w_and_bs_error(api: runstore.Api) -> None:
    with pytest.raises(CommError, match="v0 to v6"):
        api.artifact("team/p/net:v9")
    with pytest.raises(ArtifactNotFound, match="there are team/p/net, team/p/other"):
        api.artifact_collection("model", "team/p/nothing")


def test_versions_come_newest_first_a_page_at_a_time(api: runstore.Api) -> None:
    versions = api.artifacts("model", "team/p/net", per_page=3)
    assert len(versions) == VERSIONS
    assert [next(versions).version for _ in range(3)] == ["v6", "v5", "v4"]
    assert (len(versions.objects), versions.more, versions.cursor) == (3, True, "3")
    rest = api.artifacts("model", "team/p/net", per_page=3, start=versions.cursor)
    assert [artifact.version for artifact in rest] == ["v3", "v2", "v1", "v0"]
    assert [artifact.version for artifact in api.artifacts("model", "team/p/net", order="+createdAt")][:2] == [
        "v0",
        "v1",
    ]
    assert next(api.artifact_versions("model", "team/p/net")).version == "v6"
    assert [a.version for a in api.artifacts("model", "team/p/net", tags=["even"])] == ["v6", "v4", "v2", "v0"]
    with pytest.raises(ArtifactNotFound):
        api.artifacts("dataset", "team/p/net")


def test_types_and_collections_of_a_project(api: runstore.Api) -> None:
    assert [kind.name for kind in api.artifact_types("team/p")] == ["dataset", "model"]
    model = api.artifact_type("model", "team/p")
    assert (model.id, repr(model)) == ("team/p/model", "<ArtifactType model>")
    assert [collection.name for collection in model.collections()] == ["net", "other"]
    assert [collection.name for collection in api.artifact_collections("team/p", "model", order="-name")] == [
        "other",
        "net",
    ]
    assert model.collection("net").type == "model"
    with pytest.raises(ArtifactNotFound):
        model.collection("data")
    with pytest.raises(UsageError, match="filters"):
        model.collections({"name": "net"})
    project = api.project("p")
    assert [kind.name for kind in project.artifacts_types()] == ["dataset", "model"]
    assert [(one.name, one.type) for one in project.collections()] == [
        ("data", "dataset"),
        ("net", "model"),
        ("other", "model"),
    ]


def test_a_collection_says_what_its_versions_say(api: runstore.Api) -> None:
    net = api.artifact_collection("model", "team/p/net")
    assert (net.id, net.name, net.entity, net.project, net.type) == ("team/p/net", "net", "team", "p", "model")
    assert (net.aliases, net.tags, net.description, net.is_sequence()) == (["best", "latest"], ["even"], None, True)
    assert net.created_at <= (net.updated_at or "")
    assert [artifact.version for artifact in net.versions()][-1] == "v0"
    assert api.artifact("team/p/net:best").collection.id == net.id
    net.delete()
    assert not api.artifact_collection_exists("team/p/net", "model")


def test_artifacts_without_an_entity_are_found_by_their_project(api: runstore.Api) -> None:
    assert api.artifact_collection("model", "p/net").entity == "team"
    assert [artifact.name for artifact in api.artifacts("model", "p2/mine")] == ["mine:v0"]
