"""Media come back from an artifact that was logged: tables with equal rows, pictures with equal pixels."""

from __future__ import annotations

import datetime
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.media.arrayfiles import arrays_in
from runstore.sdk.media.base import Media, WrongMedia
from runstore.sdk.run import Run
from tests.sdk.asking import ask
from tests.sdk.reading import begin

PIXELS = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(4, 5, 3) * 4


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)  # where the files of media go
    return begin(project="p")


def back(run: Run, **media: Media) -> dict[str, Any]:
    """Return media by name as another process has them, which only has what was logged."""
    artifact = Artifact("media", "t")
    for name, obj in media.items():
        artifact.add(obj, name)
    run.log_artifact(artifact)
    found = run.use_artifact("media:latest")
    return {name: found.get(name) for name in media}


def test_a_table_comes_back_with_equal_rows_types_and_columns(run: Run) -> None:
    moment = datetime.datetime(2026, 1, 31, 12, 30, tzinfo=datetime.timezone.utc)
    table = runstore.Table(
        columns=["text", "number", "truth", "missing", "when", "list", "dict"],
        data=[
            ["a", 1, True, None, moment, [1, 2], {"x": [moment]}],
            ["é", 2.5, False, "there", moment, [3, 4], {"x": []}],
        ],
    )
    found = back(run, table=table)["table"]
    assert found.data == table.data
    assert found.columns == table.columns
    assert found.column_types == table.column_types
    assert found == table


def test_a_table_comes_back_with_its_pictures(run: Run) -> None:
    classes = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    boxes = {"seen": {"box_data": [{"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1}]}}
    masks = {"shape": {"mask_data": np.ones((4, 5), dtype=np.uint8)}}
    image = runstore.Image(PIXELS, caption="one", classes=classes, boxes=boxes, masks=masks)
    table = runstore.Table(columns=["id", "image"], data=[[1, image], [2, runstore.Image(255 - PIXELS)], [3, None]])
    found = back(run, table=table)["table"]
    assert found.data == table.data
    again = found.data[0][1]
    assert (again._caption, again.format, again._width, again._height) == ("one", "png", 5, 4)
    assert np.array_equal(np.array(again.image), PIXELS)
    assert [box["class_id"] for box in again._boxes["seen"]._val] == [1]
    assert again._masks["shape"]._content() == image._masks["shape"]._content()


def test_linked_tables_come_back_linked(run: Run) -> None:
    people = runstore.Table(columns=["name", "age"], data=[["ada", 36], ["alan", 41]])
    people.set_pk("name")
    papers = runstore.Table(columns=["title", "author"], data=[["notes", "ada"], ["machinery", "alan"]])
    papers.set_fk("author", people, "name")
    rows = runstore.Table(columns=["row"], data=[[index] for index in people.get_index()])
    found = back(run, people=people, papers=papers, rows=rows)
    assert found["papers"].data == papers.data
    assert found["papers"].data[0][1].table.data == people.data
    assert found["rows"].data[1][0].get_row() == {"name": "alan", "age": 41}


def test_joined_tables_come_back_with_both(run: Run) -> None:
    one = runstore.Table(columns=["id", "image"], data=[[1, runstore.Image(PIXELS)]])
    other = runstore.Table(columns=["id", "label"], data=[[1, "cat"]])
    joined = runstore.JoinedTable(one, other, "id")
    found = back(run, joined=joined)["joined"]
    assert (found, found.join_key) == (joined, "id")
    assert (found.table1.data, found.table2.data) == (one.data, other.data)
    run.log({"joined": found})
    kept = run.use_artifact("media:latest")
    (path,) = (path for path in kept.manifest.entries if path.startswith("t2_"))
    derived = Artifact("derived", "t")
    derived.add(runstore.JoinedTable(one, kept.get_entry(path), ["id", "id"]), "again")
    run.log_artifact(derived)
    again: Any = run.use_artifact("derived:latest").get("again")
    assert (again.table2.data, again.join_key) == (other.data, ["id", "id"])
    for wrong in ((1, one, "id"), (one, other, 5), (one, "x.txt", "id")):
        with pytest.raises(WrongMedia):
            runstore.JoinedTable(*wrong)
    with pytest.raises(WrongMedia, match="is not in artifact"):
        Artifact("x", "t").add(runstore.JoinedTable(one, "none.table.json", "id"), "x")


def test_columns_of_arrays_come_back(run: Run) -> None:
    large = [np.full((20, 20), n, dtype=np.float32) for n in range(2)]
    table = runstore.Table(columns=["n", "array", "vector"], data=[[n, large[n], np.arange(3)] for n in range(2)])
    found = back(run, table=table)["table"]
    assert all(np.array_equal(row[1], large[n]) for n, row in enumerate(found.data))
    assert [row[2] for row in found.data] == [[0, 1, 2]] * 2


def test_columns_with_missing_arrays_which_older_tools_pickled_are_read(tmp_path: Path) -> None:
    cells = np.array([np.ones((2, 2)), None], dtype=object)
    np.savez_compressed(tmp_path / "x.npz", column=cells)
    first, second = arrays_in(tmp_path / "x.npz", "column")
    assert (first.tolist(), second) == ([[1.0, 1.0], [1.0, 1.0]], None)
    with pytest.raises(WrongMedia, match="no arrays of the column 'other'"):
        arrays_in(tmp_path / "x.npz", "other")


def test_a_column_of_arrays_runs_no_code_of_the_file_it_is_in(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    plain = io.BytesIO()
    np.save(plain, np.array([None], dtype=object), allow_pickle=True)
    header = plain.getvalue()[: plain.getvalue().index(b"\n") + 1]
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("column.npy", header + pickle.dumps(Code()))
    with pytest.raises(WrongMedia, match="makes no array"):
        arrays_in(tmp_path / "x.npz", "column")
    assert not (tmp_path / "ran").exists()


def test_every_kind_of_media_comes_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"RIFF")
    (tmp_path / "clip.mp4").write_bytes(b"video")
    (tmp_path / "m.pdb").write_text("ATOM")
    graph = runstore.Graph()
    one, other = graph.add_node(id=1, name="in"), graph.add_node(id=2, name="out")
    graph.add_edge(one, other)
    media: dict[str, Any] = {
        "audio": runstore.Audio(str(tmp_path / "clip.wav"), caption="sound"),
        "video": runstore.Video(str(tmp_path / "clip.mp4"), caption="moves"),
        "html": runstore.Html("<b>bold</b>"),
        "molecule": runstore.Molecule(str(tmp_path / "m.pdb"), caption="atoms"),
        "points": runstore.Object3D(np.zeros((2, 3))),
        "classes": runstore.Classes([{"id": 0, "name": "cat"}]),
        "histogram": runstore.Histogram([1, 2, 2, 3], num_bins=3),
        "graph": graph,
        "image": runstore.Image(PIXELS),
    }
    found = back(run, **media)
    for name, obj in media.items():
        again = found[name]
        assert type(again) is type(obj), name
        if hasattr(obj, "_content"):
            assert (again._content(), again._caption, again._extension) == (
                obj._content(),
                obj._caption,
                obj._extension,
            )
    assert found["html"].html == media["html"].html
    assert (found["histogram"].histogram, found["histogram"].bins) == (
        media["histogram"].histogram,
        media["histogram"].bins,
    )
    assert found["classes"] == media["classes"]
    assert [node.name for node in found["graph"].nodes] == ["in", "out"]
    assert found["graph"].edges[0].to_node is found["graph"][2]
    assert found["image"] == media["image"]


def test_what_came_back_can_be_logged_again_and_refers_to_where_it_is(run: Run) -> None:
    table = back(run, table=runstore.Table(columns=["a"], data=[[1]]))["table"]
    run.log({"again": table})
    derived = Artifact("derived", "t")
    derived.add(table, "copy")
    entry = derived.manifest.entries["copy.table.json"]
    assert entry.ref is not None
    assert entry.ref.startswith("wandb-client-artifact://")
    run.log_artifact(derived)
    assert run.use_artifact("derived:latest").get("copy") == table


def test_a_picture_elsewhere_stays_an_address(run: Run) -> None:
    image = runstore.Image("https://example.org/cat.png", caption="far")
    found = back(run, image=image)["image"]
    assert (found._reference, found._caption) == ("https://example.org/cat.png", "far")


def test_what_is_not_there_is_none(run: Run) -> None:
    artifact = Artifact("media", "t")
    with artifact.new_file("plain.json") as file:
        file.write("{}")
    assert artifact.get("plain") is None
    run.log_artifact(artifact)
    found = run.use_artifact("media:latest")
    assert found.get("plain") is None
    assert found.get("plain.json") is None
    assert found["none"] is None


def test_media_of_an_unknown_kind_are_refused(run: Run) -> None:
    artifact = Artifact("media", "t")
    with artifact.new_file("x.table.json") as file:
        json.dump({"_type": "later"}, file)
    run.log_artifact(artifact)
    with pytest.raises(WrongMedia, match="no media of the type 'later'"):
        run.use_artifact("media:latest").get("x")


def test_a_table_that_was_logged_as_a_metric_comes_back_in_a_fresh_process(run: Run, tmp_path: Path) -> None:
    run.log({"results": runstore.Table(columns=["x", "image"], data=[[0.5, runstore.Image(PIXELS)]])})
    run.finish()
    found = ask(
        f"""
        api = runstore.Api()
        (artifact,) = [one for one in api.run("p/{run.id}").logged_artifacts() if one.type == "run_table"]
        table = artifact.get("results")
        answer([artifact.name, table.columns, table.data[0][0], table.data[0][1].image.size])
        """,
        tmp_path,
    )
    assert found == [f"run-{run.id}-results:v0", ["x", "image"], 0.5, [5, 4]]
