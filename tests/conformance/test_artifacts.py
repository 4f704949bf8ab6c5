"""Artifacts: the same program leaves the same manifests and digests as with stock, and what it leaves is delivered.

What is said of every scenario in test_differential.py and test_sync_carries.py is not said here again: this is about
bytes whose originals are gone when they are delivered, and about an input that was not logged before.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance import stock
from tests.conformance.differential import Pair, Turn, run_source
from tests.conformance.shared import made_once
from tests.wandbserver.recorded import JsonObject, RecordedArtifact
from tests.wandbserver.server import RecordingServer

# In both turns the originals are gone, or others, when the artifact is logged. Stock has no use_artifact offline.
PROGRAM = """
import json
import os
import shutil

import wandb

before = wandb.Artifact("before", "dataset", description="made without a run", metadata={"n": 1, "nested": {"x": None}})
before.add_dir("data", name="all")
with before.new_file("made/here.txt") as file:
    file.write("written into the artifact")
run = wandb.init(project="artifacts", id="gone")
artifact = wandb.Artifact("during", "model")
shutil.copytree("data", "copy")
os.symlink(os.path.abspath("copy/a.txt"), "link.txt")
artifact.add_file("link.txt")
artifact.add_file("copy/b.bin", name="renamed/again.bin")
artifact.add_file("copy/b.bin", name="x.bin", is_tmp=True)
artifact.add_dir("copy", name="folder")
artifact.add_reference("file://" + os.path.abspath("data"), name="referred")
artifact.add_reference("https://example.org/a/file.bin", checksum=False)
artifact.add(wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, None]]), "tables/one")
artifact.remove("folder/below")
shutil.rmtree("copy")
run.log_artifact(before, aliases=["first"])
run.log_artifact(artifact, aliases=["best"], tags=["kept"])
run.log_artifact("data/a.txt", name="path", type="dataset")
run.log({"table": wandb.Table(columns=["x"], data=[[0.5], [1.5]])})
run.finish()
json.dump({}, open("outcomes.json", "w"))
"""

INPUT = """
import json

import wandb

run = wandb.init(project="artifacts", id="input")
artifact = wandb.Artifact("data", "dataset")
artifact.add_dir("data")
run.use_artifact(artifact)
run.finish()
json.dump({}, open("outcomes.json", "w"))
"""


# What stock can't do offline: its log has moves of links, of aliases, and uses of what was logged before.
FURTHER = """
import json

import wandb

run = wandb.init(project="artifacts", id="further")
data = wandb.Artifact("data", "dataset")
data.add_file("data/a.txt")
run.log_artifact(data, aliases=["first"])
grown = wandb.Artifact("data", "dataset", incremental=True)
grown.add_file("data/b.bin")
run.log_artifact(grown)
run.link_artifact(data, "registry/chosen", aliases=["production"])
run.use_artifact(data)
run.use_artifact(grown)
made = wandb.Artifact("made", "model")
made.add_file("data/b.bin")
run.log_artifact(made)
run.log_artifact(made, aliases=["best"])
run.finish()
versions = [artifact.version for artifact in (data, grown, made)]
json.dump({"versions": {"returned": versions}}, open("outcomes.json", "w"))
"""


@dataclass(frozen=True)
class Delivered:
    """What a server has after stock's sync."""

    stderr: str
    artifacts: dict[str, RecordedArtifact]
    operations: list[tuple[str, JsonObject]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return made_once(tmp_path_factory, "artifacts-pair", lambda folder: run_source(PROGRAM, folder / "turns"))


@pytest.fixture
def alone(pair: Pair) -> Iterator[None]:
    """Let one test at a time use the folders of both turns, whichever process runs it."""
    with open(pair.ours.folder.with_name("used"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def moved(pair: Pair, alone: None, tmp_path: Path) -> Iterator[Path]:
    """Yield our run directory, while all else that its program had, or left, is out of reach."""
    folder = pair.ours.folder
    (directory,) = pair.ours.directories["gone"]
    hidden = []
    for name in ("data", ".stock-home", "link.txt"):
        (folder / name).rename(tmp_path / name)
        hidden.append(name)
    yield directory
    for name in hidden:
        (tmp_path / name).rename(folder / name)


def _names(announced: JsonObject) -> list[str]:
    names: list[str] = announced.get("artifactCollectionNames") or [announced["artifactCollectionName"]]  # the older
    return names


def deliver(directory: Path, version: str = stock.STOCK_VERSIONS[0]) -> Delivered:
    with RecordingServer() as server:
        done = stock.sync(version, directory, server.url)
    artifacts = {name: artifact for artifact in server.artifacts for name in _names(artifact.announced)}
    return Delivered(done.stderr, artifacts, server.operations)


@pytest.mark.usefixtures("alone")
def test_the_same_program_leaves_the_same_artifacts(pair: Pair) -> None:
    assert pair.stock.returncode == pair.ours.returncode == 0, pair.ours.stderr
    assert [str(difference) for difference in pair.differences("gone") if difference.category == "artifacts"] == []


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_all_bytes_arrive_although_their_originals_are_gone(
    pair: Pair, moved: Path, tmp_path: Path, version: str
) -> None:
    shutil.copytree(moved, tmp_path / moved.name)
    delivered = deliver(tmp_path / moved.name, version)
    assert "ERROR" not in delivered.stderr
    assert set(delivered.artifacts) == {"before", "during", "path", "run-gone-table"}
    for artifact in delivered.artifacts.values():
        assert artifact.committed
        assert artifact.manifest is not None
        for path, entry in artifact.manifest["contents"].items():
            if "ref" not in entry:
                held = artifact.files[path]
                assert base64.b64encode(hashlib.md5(held).digest()).decode() == entry["digest"]
                assert len(held) == entry["size"]
    assert delivered.artifacts["during"].files["link.txt"] == b"the first\n"
    assert json.loads(delivered.artifacts["run-gone-table"].files["table.table.json"])["data"] == [[0.5], [1.5]]


def test_an_input_that_was_not_logged_is_delivered_as_an_input(tmp_path: Path) -> None:
    ours = run_source(INPUT, tmp_path / "turns").ours
    assert ours.returncode == 0, ours.stderr
    (directory,) = ours.directories["input"]
    delivered = deliver(directory)
    assert delivered.artifacts["data"].committed
    assert any(name == "UseArtifact" for name, _ in delivered.operations), delivered.operations


@pytest.fixture(scope="module")
def further(tmp_path_factory: pytest.TempPathFactory) -> Turn:
    return made_once(tmp_path_factory, "artifacts-further", lambda folder: run_source(FURTHER, folder / "turns")).ours


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_moves_links_and_uses_in_a_log_keep_no_stock_version_from_its_artifacts(
    further: Turn, tmp_path: Path, version: str
) -> None:
    assert further.returncode == 0, further.stderr
    assert further.outcomes["versions"]["returned"] == ["v0", "v1", "v0"]
    (directory,) = further.directories["further"]
    shutil.copytree(directory, tmp_path / directory.name)
    delivered = deliver(tmp_path / directory.name, version)
    assert "ERROR" not in delivered.stderr
    assert "Traceback" not in delivered.stderr
    assert {"data", "made"} <= set(delivered.artifacts)
    made = delivered.artifacts["made"]
    assert made.committed
    assert made.files["b.bin"] == bytes(range(256))
    sent = [variables.get("input") or variables for name, variables in delivered.operations if name == "CreateArtifact"]
    aliases = {alias["alias"] for announced in sent for alias in announced["aliases"]}
    assert {"first", "best", "latest"} <= aliases
