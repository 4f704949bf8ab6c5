"""Artifacts with digests by XXH128, and inputs: servers of every kind have of them what stock's sync leaves there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.runwise.comparable import states_of
from tests.runwise.place import Place, place_with
from tests.runwise.written import written
from tests.wandbserver.holdings import DIGESTS
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import differences

NEWEST = stock.STOCK_VERSIONS[0]
PLACED_INPUTS = "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION"

PROGRAM = """
    from pathlib import Path
    import runstore

    run = runstore.init(project="demo", entity="team", id="kinds")
    Path("a.txt").write_text("some bytes")
    Path("empty").touch()

    def artifact(name, algorithm, more="", **said):
        Path(name).write_text(name + more)
        made = runstore.Artifact(name, "dataset", digest_algorithm=algorithm, **said)
        made.add_file(name)
        return made

    quick = artifact("quick", "XXH128", metadata={"n": 1})
    quick.add_file("a.txt", "folder/a b+c.txt")
    quick.add_file("empty")
    quick.add_reference("file://" + str(Path("a.txt").absolute()), name="near")
    quick.add_reference("s3://bucket/key", checksum=False)
    run.log_artifact(quick, aliases=["best"])
    run.log_artifact(runstore.Artifact("nothing", "dataset", digest_algorithm="XXH128"))
    table = runstore.Artifact("table", "dataset", digest_algorithm="XXH128")
    table.add(runstore.Table(columns=["x"], data=[[1]]), "x")
    run.log_artifact(table)
    run.log_artifact(artifact("changed", "MD5"))
    run.log_artifact(artifact("changed", "XXH128", "again"))
    run.log_artifact(artifact("grown", "XXH128"))
    run.log_artifact(artifact("grown", "XXH128", "more", incremental=True))
    run.upsert_artifact(artifact("together", "XXH128"), distributed_id="all")
    run.finish_artifact(artifact("together", "XXH128", "last"), distributed_id="all")
    run.use_artifact(quick)
    run.use_artifact(artifact("input", "MD5"))
    run.use_artifact(artifact("quick-input", "XXH128"), use_as="validation")
    run.finish()
"""

# What servers can do. The last has a team that may give digests by XXH128, and did before.
SERVERS: dict[str, dict[str, Any]] = {
    "knows no other digests": {"xxhash_entities": ["team"]},
    "takes none from this team": {"features": [DIGESTS, PLACED_INPUTS], "xxhash_entities": ["others"]},
    "takes them": {"features": [DIGESTS], "xxhash_entities": ["team"]},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with artifacts of all these kinds."""
    return made_once(tmp_path_factory, "runwise-kinds", lambda folder: written(folder, PROGRAM))


@pytest.fixture(params=SERVERS, ids=lambda name: name)
def both(request: pytest.FixtureRequest, runs: Path, tmp_path: Path) -> Iterator[tuple[RecordingServer, Place]]:
    """A server with what stock's sync left there, and a place that has delivered the same run to one of its kind."""
    kind = SERVERS[request.param]
    shutil.copytree(runs, tmp_path / "stock")
    (directory,) = (tmp_path / "stock").glob("offline-run-*")
    with RecordingServer(**kind) as server:
        done = stock.sync(NEWEST, directory, server.url)
    assert (server.errors, server.refused) == ([], []), done.stderr
    (tmp_path / "ours").mkdir()
    with place_with(runs, tmp_path / "ours", **kind) as place:
        place.synced()
        yield server, place


def test_a_server_has_the_same_artifacts_and_inputs_whoever_delivers_them(both: tuple[RecordingServer, Place]) -> None:
    server, place = both
    by_stock, by_us = states_of(server)["kinds"], place.state()["kinds"]
    for kind in ("artifacts", "used"):
        assert differences(by_stock[kind], by_us[kind]) == []
    assert {title.partition(":")[0] for title in by_us["used"]} == {"dataset/input", "dataset/quick-input"}
    assert all(one.committed for one in place.server.artifacts)


def test_what_is_told_of_digests_and_inputs_is_the_same(both: tuple[RecordingServer, Place]) -> None:
    server, place = both
    assert _told(place.server) == _told(server)


def test_a_second_delivery_uses_nothing_twice(runs: Path, tmp_path: Path) -> None:
    with place_with(runs, tmp_path) as place:
        place.synced()
        place.synced()
        assert sorted(one.name for one in place.server.artifacts if one.used_by) == ["input", "quick-input"]
        assert [one.used_by for one in place.server.artifacts if one.used_by] == [["kinds"], ["kinds"]]


def test_run_has_a_use_of_its_own_output_of_which_nobody_is_told(runs: Path) -> None:
    """Neither by stock's sync: the record names the artifact by an id that no server gave."""
    (log,) = runs.glob("*/run-kinds.wandb")
    records = [codec.decode(framed.payload) for framed in LogReader(log)]
    assert sum(record is not None and record.HasField("use_artifact") for record in records) == 1


def _told(server: RecordingServer) -> list[tuple[str, Any]]:
    """Return what is said of digests and inputs, by artifact and file."""
    names = {one.artifact_id: one.name for one in server.artifacts}
    told: list[tuple[str, Any]] = []
    for operation, variables in server.operations:
        said = variables.get("input", variables)
        if operation == "CreateArtifact":
            keys = ["artifactCollectionName", "digest", "digestAlgorithm", "runName"]
            told.append((operation, [said.get(key) for key in keys]))
        elif operation == "CreateArtifactFiles":
            # Of MD5s stock tells the kind too, where a server knows of kinds: nothing that it does not know.
            is_other = said.get("digestAlgorithm") not in (None, "MANIFEST_MD5")
            told += [
                (
                    operation,
                    [names[file["artifactID"]], file["name"], file["md5"], file["digest"] if is_other else None],
                )
                for file in said["artifactFiles"]
            ]
        elif operation == "UseArtifact":
            keys = ["entityName", "projectName", "runName", "usedAs", "artifactEntityName", "artifactProjectName"]
            told.append((operation, [names[said["artifactID"]], *(said.get(key) for key in keys)]))
    return sorted(told, key=repr)
