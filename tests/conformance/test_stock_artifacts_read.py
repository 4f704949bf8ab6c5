"""Artifacts that stock logged offline come back through runstore: files, tables with pictures, aliases, versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from runstore.sdk.artifacts.artifact import Artifact
from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.sdk.asking import tree

PROGRAM = """
import pathlib

import numpy as np
import wandb

run = wandb.init(project="p", entity="team", id="stock")
artifact = wandb.Artifact("data", "dataset", description="d", metadata={"n": 1})
pathlib.Path("b.txt").write_text("content")  # older versions lose what is written by new_file
artifact.add_file("b.txt", name="a/b.txt")
artifact.add_reference("https://example.org/far.bin", checksum=False)
pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(4, 5, 3) * 4
boxes = {"seen": {"box_data": [{"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1}],
                  "class_labels": {1: "dog"}}}
image = wandb.Image(pixels, caption="one", classes=[{"id": 0, "name": "cat"}], boxes=boxes)
table = wandb.Table(columns=["n", "x", "image"], data=[[1, "a", image], [2, None, wandb.Image(255 - pixels)]])
artifact.add(table, "table")
artifact.add(wandb.Html("<b>x</b>", inject=False), "page")
run.log_artifact(artifact, aliases=["raw"])
second = wandb.Artifact("data", "dataset")
pathlib.Path("b.txt").write_text("other")
second.add_file("b.txt", name="a/b.txt")
run.log_artifact(second)
run.finish()
"""


@pytest.fixture(scope="module", params=stock.STOCK_VERSIONS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder below which stock has recorded the run; its home, with the bytes, is in there too."""

    def make(folder: Path) -> Path:
        done = stock.run_script(request.param, PROGRAM, folder)
        assert done.returncode == 0, done.stderr
        return folder

    return made_once(tmp_path_factory, f"stock-artifacts-{request.param}", make)


@pytest.fixture
def found(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return runstore.Api().artifact("team/p/data:raw")


def test_versions_and_what_is_said_of_them(found: Artifact) -> None:
    assert (found.version, found.aliases, found.type) == ("v0", ["raw"], "dataset")
    assert (found.description, found.metadata) == ("d", {"n": 1})
    assert runstore.Api().artifact("team/p/data:latest").version == "v1"
    maker = found.logged_by()
    assert maker is not None
    assert maker.id == "stock"


def test_files_come_back_by_their_digests(found: Artifact, tmp_path: Path) -> None:
    found.download(tmp_path / "root", path_prefix="a/")
    assert tree(tmp_path / "root") == {"a/b.txt": b"content"}
    latest = runstore.Api().artifact("team/p/data").download(tmp_path / "latest")
    assert tree(latest) == {"a/b.txt": b"other"}


def test_a_table_with_pictures_has_the_rows_that_stock_was_given(found: Artifact) -> None:
    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(4, 5, 3) * 4
    table: Any = found.get("table")
    assert table.columns == ["n", "x", "image"]
    assert [row[:2] for row in table.data] == [[1, "a"], [2, None]]
    for row, expected in zip(table.data, (pixels, 255 - pixels), strict=True):
        assert np.array_equal(np.array(row[2].image), expected)
    first = table.data[0][2]
    assert (first._caption, first._classes.names()) == ("one", {0: "cat", 1: "dog"})
    assert first._boxes["seen"]._val[0]["class_id"] == 1
    page: Any = found.get("page")
    assert page.html == "<b>x</b>"
