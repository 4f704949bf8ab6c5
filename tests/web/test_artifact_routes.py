"""Artifacts by the JSON API: collections, versions, files, differences, lineage; hostile names stay names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

import runstore
from tests.web.asking import Asking


def logged(run: runstore.Run, name: str, files: dict[str, str], kind: str = "model", **more: object) -> None:
    artifact = runstore.Artifact(name, kind, **more)  # type: ignore[arg-type]
    for path, content in files.items():
        with artifact.new_file(path) as file:
            file.write(content)
    run.log_artifact(artifact, aliases=["best"] if "best" in files else None)


@pytest.fixture
def lineage(folder: Path) -> None:
    """A run that makes data, one that trains with it twice, and one that judges what came of it."""
    with runstore.init(project="demo", id="prepares", name="prepare it", job_type="prepare") as run:
        logged(
            run, "rows", {"README.md": "rows", "train/a.txt": "aa", "train/b.txt": "bbb", "test/a.txt": "a"}, "dataset"
        )
    with runstore.init(project="demo", id="trains") as run:
        run.use_artifact("rows:latest")
        logged(run, "net", {"w": "1", "best": "x"}, metadata={"loss": 0.5, "size": {"layers": 2}})
        logged(run, "net", {"w": "22", "more": "y"}, metadata={"loss": 0.25, "size": {"layers": 2}, "seed": 1})
    with runstore.init(project="demo", id="judges") as run:
        run.use_artifact("net:v0")


def test_a_project_lists_its_collections_with_their_newest_versions(asking: Asking, lineage: None) -> None:
    net, rows = asking.get("/api/artifacts", project="demo")["collections"]
    assert (net["name"], net["versions"], net["number"], net["ref"]) == ("net", 2, 1, "demo/net:v1")
    assert (rows["files"], rows["size"], rows["type"], rows["run"]) == (4, 10, "dataset", "demo/prepares")
    assert rows["run_name"] == "prepare it"
    assert asking.get("/api/artifacts", project="other")["collections"] == []
    assert len(asking.get("/api/artifacts")["collections"]) == 2


def test_a_project_without_an_entity_has_none_of_a_team_s_artifacts(asking: Asking, lineage: None) -> None:
    with runstore.init(project="demo", entity="team", id="another") as run:
        logged(run, "theirs", {"a": "a"})
    assert [one["name"] for one in asking.get("/api/artifacts", project="demo")["collections"]] == ["net", "rows"]
    (theirs,) = asking.get("/api/artifacts", project="team/demo")["collections"]
    assert theirs["ref"] == "team/demo/theirs:v0"


def test_a_version_is_found_by_any_of_its_names_and_told_whole(asking: Asking, lineage: None) -> None:
    found = asking.get("/api/artifact", ref="demo/net:best")
    assert found["number"] == 0
    assert found["metadata"] == {"loss": 0.5, "size": {"layers": 2}}
    assert found["used_by"] == [{"name": "judges", "path": "demo/judges", "ref": "demo/judges"}]
    assert asking.get("/api/artifact", ref="demo/net")["number"] == 1
    assert "v0 to v1" in asking.refusal("/api/artifact", status=404, ref="demo/net:v9")
    assert "names no artifact" in asking.refusal("/api/artifact", status=404, ref="demo/:v9")


def test_versions_come_newest_first_and_in_pages(asking: Asking, lineage: None) -> None:
    found = asking.get("/api/artifact/versions", ref="demo/net")
    assert found["total"] == 2
    assert [one["number"] for one in found["versions"]] == [1, 0]
    assert [one["number"] for one in asking.get("/api/artifact/versions", ref="demo/net", offset=1)["versions"]] == [0]


def test_files_are_listed_by_folder_or_found_by_their_paths(asking: Asking, lineage: None) -> None:
    top = asking.get("/api/artifact/files", ref="demo/rows:v0")
    assert [(one["name"], one["files"], one["size"]) for one in top["folders"]] == [("test", 1, 1), ("train", 2, 5)]
    assert [one["path"] for one in top["files"]] == ["README.md"]
    assert (top["total"], top["size"]) == (4, 10)
    below = asking.get("/api/artifact/files", ref="demo/rows:v0", folder="train")
    assert [one["path"] for one in below["files"]] == ["train/a.txt", "train/b.txt"]
    assert not below["folders"]
    found = asking.get("/api/artifact/files", ref="demo/rows:v0", text="A.TXT")
    assert [one["path"] for one in found["files"]] == ["test/a.txt", "train/a.txt"]
    assert found["matching"] == 2


def test_a_file_is_downloaded_from_the_run_directory_that_has_it(asking: Asking, lineage: None) -> None:
    (file,) = asking.get("/api/artifact/files", ref="demo/rows:v0")["files"]
    answer = asking.request("GET", "/" + file["address"], is_known=False)
    assert answer.content == b"rows"
    assert "attachment" in answer.headers["content-disposition"]


def test_a_file_that_is_gone_is_said_to_be_lost_and_has_no_address(asking: Asking, lineage: None, folder: Path) -> None:
    for blob in folder.glob("wandb/*-prepares/blobs/*"):
        blob.unlink()
    (file,) = asking.get("/api/artifact/files", ref="demo/rows:v0")["files"]
    assert (file["state"], file["address"]) == ("lost", "")


def test_a_file_outside_of_run_directories_has_no_address(asking: Asking, folder: Path) -> None:
    secret = folder / "secret"
    secret.write_text("mine")
    with runstore.init(project="demo", id="refers") as run:
        artifact = runstore.Artifact("outside", "dataset")
        artifact.add_reference(secret.as_uri())
        run.log_artifact(artifact)
    (file,) = asking.get("/api/artifact/files", ref="demo/outside:v0")["files"]
    assert (file["state"], file["address"], file["ref"]) == ("reference", "", secret.as_uri())


def test_two_versions_are_compared_by_metadata_and_files(asking: Asking, lineage: None) -> None:
    found = asking.get("/api/artifact/difference", **{"ref": "demo/net:v1", "with": "demo/net:v0"})
    assert found["metadata"] == [
        {"name": "loss", "how": "changed", "before": 0.5, "after": 0.25},
        {"name": "seed", "how": "added", "before": None, "after": 1},
    ]
    assert [(one["name"], one["how"]) for one in found["files"]] == [
        ("best", "removed"), ("more", "added"), ("w", "changed"),
    ]  # fmt: skip
    assert found["same_files"] == 0


def test_lineage_has_runs_and_versions_around_the_start(asking: Asking, lineage: None) -> None:
    found = asking.get("/api/lineage", ref="demo/net:v0")
    nodes = [(one["kind"], one["name"]) for one in found["nodes"]]
    assert nodes[0] == ("artifact", "net:v0")
    assert set(nodes[1:]) == {("run", "trains"), ("run", "judges"), ("artifact", "rows:v0"), ("run", "prepare it")}
    told = {(nodes[source][1], nodes[target][1], how) for source, target, how in found["edges"]}
    assert told == {
        ("prepare it", "rows:v0", "logged"),
        ("rows:v0", "trains", "used"),
        ("trains", "net:v0", "logged"),
        ("net:v0", "judges", "used"),
    }
    assert len(asking.get("/api/lineage", ref="demo/net:v0", depth=1)["nodes"]) == 3


def test_of_a_lineage_that_nobody_can_read_the_nearest_are_shown(asking: Asking, folder: Path) -> None:
    with runstore.init(project="demo", id="many") as run:
        for number in range(8):
            logged(run, f"part{number}", {"a": str(number)})
    found = asking.get("/api/lineage", run="demo/many", most=5)
    assert (len(found["nodes"]), found["left_out"]) == (5, 4)
    assert len(found["edges"]) == 4


@pytest.fixture
def tables(folder: Path) -> None:
    """A run that logs a model and three tables, and one that uses a table of it."""
    with runstore.init(project="demo", id="logs") as run:
        logged(run, "net", {"w": "1"})
        for number in range(3):
            run.log({f"rows{number}": runstore.Table(["n"], [[number]])})
    with runstore.init(project="demo", id="looks") as run:
        run.use_artifact("run-logs-rows1:latest")


def test_what_logging_a_table_makes_is_counted_and_listed_when_it_is_asked_for(asking: Asking, tables: None) -> None:
    found = asking.get("/api/artifacts", project="demo")
    assert [one["name"] for one in found["collections"]] == ["net"]
    assert (found["automatic"], found["of_tables"]) == (3, True)
    assert len(asking.get("/api/artifacts", project="demo", automatic=1)["collections"]) == 4
    assert asking.get("/api/artifacts", project="other")["automatic"] == 0
    told = [(one["shown"], one["automatic"]) for one in asking.get("/api/run/artifacts", ref="demo/logs")["logged"]]
    assert told[:2] == [("net:v0", False), ("run-logs-rows0:v0", True)]


def test_a_lineage_has_those_tables_that_a_run_used(asking: Asking, tables: None) -> None:
    found = asking.get("/api/lineage", run="demo/logs")
    assert {one["name"] for one in found["nodes"]} == {"logs", "net:v0", "run-logs-rows1:v0", "looks"}
    assert (found["automatic"], found["of_tables"]) == (2, True)
    assert len(asking.get("/api/lineage", run="demo/logs", automatic=1)["nodes"]) == 6
    assert asking.get("/api/lineage", ref="demo/run-logs-rows0:v0")["nodes"][0]["name"] == "run-logs-rows0:v0"


def test_a_run_has_what_it_used_and_logged(asking: Asking, lineage: None) -> None:
    found = asking.get("/api/run/artifacts", ref="demo/trains")
    assert [one["shown"] for one in found["used"]] == ["rows:v0"]
    assert [one["version"]["ref"] for one in found["logged"]] == ["demo/net:v0", "demo/net:v1"]


def test_what_a_run_used_without_its_log_being_here_is_told_by_name(asking: Asking, folder: Path) -> None:
    with runstore.init(project="demo", id="makes") as run:
        logged(run, "net", {"w": "1"})
    with runstore.init(project="demo", id="uses") as run:
        run.use_artifact("net:latest")
    for log in folder.glob("wandb/*-makes/*.wandb"):
        log.unlink()
    (used,) = asking.get("/api/run/artifacts", ref="demo/uses")["used"]
    assert (used["shown"], used["version"]) == ("net:v0", None)
    nodes = asking.get("/api/lineage", run="demo/uses")["nodes"]
    assert [(one["name"], one["ref"]) for one in nodes] == [("uses", "demo/uses"), ("net:v0", "")]


def test_a_hostile_type_and_description_are_told_as_they_are(asking: Asking, folder: Path) -> None:
    hostile = "<script>alert(1)</script>"
    with runstore.init(project="demo", id="hostile", name=hostile) as run:
        logged(run, "evil", {"a": "a"}, "data<b>", description=hostile)
    found = asking.get("/api/artifact", ref=f"demo/{quote('evil')}:v0")
    assert (found["type"], found["description"]) == ("data<b>", hostile)


def test_the_lineage_of_no_run_is_not_found(asking: Asking) -> None:
    assert "there is no run" in asking.refusal("/api/lineage", status=404, run="demo/none")
