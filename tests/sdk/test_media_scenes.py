"""Html, Object3D and Molecule."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from tests.sdk.medialogs import Artifact, content, logged

HEAD = '<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("<p>é</p>\n", f"{HEAD}<p>é</p>"),
        ("<html><head><title>t</title></head></html>", f"<html><head>{HEAD}<title>t</title></head></html>"),
        (" <html><b> ", f"<html><head>{HEAD}</head><b>"),
        ("", HEAD),
    ],
)
def test_html_gets_a_style_and_a_target(folder: Path, given: str, written: str) -> None:
    said = logged(folder, page=runstore.Html(given))["page"]
    assert content(folder, said).decode() == written
    assert said["_type"] == "html-file"


def test_html_may_be_a_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<p>\r\n</p>")
    with path.open() as file:
        row = logged(
            folder,
            injected=runstore.Html(str(path)),
            untouched=runstore.Html(path, inject=False),
            text=runstore.Html(str(path), inject=False, data_is_not_path=True),
            open=runstore.Html(file, inject=False),
        )
    assert content(folder, row["injected"]) == f"{HEAD}<p>\n</p>".encode()
    assert content(folder, row["untouched"]) == b"<p>\r\n</p>"
    assert content(folder, row["text"]) == str(path).encode()
    assert content(folder, row["open"]) == b"<p>\n</p>"


@pytest.mark.parametrize("stream", [io.StringIO("<p>"), io.BytesIO(b"<p>")])
def test_html_may_be_a_stream_wherever_it_stands(stream: Any) -> None:
    stream.read()
    assert runstore.Html(stream, inject=False).html == "<p>"


def test_html_is_text() -> None:
    with pytest.raises(ValueError, match="Html takes text"):
        runstore.Html(3)


def test_a_list_of_pages(folder: Path) -> None:
    said = logged(folder, pages=[runstore.Html("a"), runstore.Html("b")])["pages"]
    assert (said["_type"], said["count"], len(said["html"])) == ("html", 2, 2)


@pytest.mark.parametrize("columns", [3, 4, 6])
def test_points_are_a_list_of_lists(folder: Path, columns: int) -> None:
    points = np.arange(2.0 * columns).reshape(2, columns)
    said = logged(folder, cloud=runstore.Object3D(points, caption="c"))["cloud"]
    assert json.loads(content(folder, said)) == points.tolist()
    assert (said["_type"], said["caption"]) == ("object3D-file", "c")
    assert said["path"] == f"media/object3D/cloud_0_{said['sha256'][:20]}.pts.json"


def test_a_scene_is_written_as_w_and_b_writes_it(folder: Path) -> None:
    box = runstore.box3d(center=(1, 2, 3), size=(2, 2, 2), orientation=(1, 0, 0, 0), color=(1, 0, 0.5), label="é")
    scene = runstore.Object3D.from_point_cloud([[0, 1, 2.5]], [box], [{"start": [0, 0, 0], "end": [1, 1, 1]}])
    data = content(folder, logged(folder, scene=scene)["scene"]).decode()
    assert data.startswith('{"type":"lidar/beta","vectors":[{"start":[0,0,0],"end":[1,1,1]}],"points":[[0.0,1.0,2.5]],')
    assert data.endswith('"color":[1,0,0.5],"label":"é","score":null}]}')
    assert '"corners":[[0.0,1.0,2.0],[0.0,1.0,4.0],' in data


def test_points_of_different_lengths_are_kept_as_they_are() -> None:
    cloud = runstore.Object3D.from_point_cloud([[0, 1, 2], [0, 1, 2, 3]], [])
    assert json.loads(cloud._content())["points"] == [[0, 1, 2], [0, 1, 2, 3]]


def test_boxes_turn_as_their_quaternion_says_also_where_it_is_negative() -> None:
    def farthest(x: float) -> Any:
        half = np.sqrt(0.5)
        box = runstore.box3d(center=(0, 0, 0), size=(0, 2, 0), orientation=(half, x * half, 0, 0), color=(0, 0, 0))
        return np.round(box["corners"][-1], 6).tolist()

    # A quarter turn about x takes y to z, the other way to -z; W&B's library drops the sign and turns both alike.
    assert farthest(1) == [0, 0, 1]
    assert farthest(-1) == [0, 0, -1]


def test_boxes_need_numbers_in_space() -> None:
    with pytest.raises(ValueError, match="other than zero"):
        runstore.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(0, 0, 0, 0), color=(0, 0, 0))
    with pytest.raises(ValueError, match="`size` must be 3 numbers"):
        runstore.box3d(center=(0, 0, 0), size=(1, 1), orientation=(1, 0, 0, 0), color=(0, 0, 0))


@pytest.mark.parametrize("name", ["a.obj", "a.glb", "a.gltf", "a.stl", "a.babylon", "a.pts.json"])
def test_models_are_copied(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0model")
    with (tmp_path / name).open() as file:
        row = logged(folder, path=runstore.Object3D(str(tmp_path / name)), open=runstore.Object3D(file))
    for said in row.values():
        assert content(folder, said) == b"\0model"
        assert said["path"].endswith(name[1:])


@pytest.mark.parametrize("stream", [io.StringIO("v 0"), io.BytesIO(b"v 0")])
def test_models_may_be_streams(folder: Path, stream: Any) -> None:
    said = logged(folder, model=runstore.Object3D.from_file(stream, "obj"))["model"]
    assert content(folder, said) == b"v 0"
    assert said["path"].endswith(".obj")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.zeros((2, 5)), r"points of shape \(2, 5\)"),
        (np.zeros(3), r"points of shape \(3,\)"),
        ({"type": "lidar"}, "must be 'lidar/beta', not 'lidar'"),
        ({"points": []}, "not builtins.dict"),
        ("model.xyz", "model.xyz is no file that Object3D takes"),
        (io.StringIO(""), "needs its `file_type`"),
    ],
)
def test_what_is_no_object_is_refused(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        runstore.Object3D(value)


def test_a_list_of_objects(folder: Path) -> None:
    said = logged(folder, some=[runstore.Object3D(np.zeros((1, 3)), caption="c")])["some"]
    assert (said["_type"], said["count"]) == ("object3D", 1)
    assert f"media/object3D/{said['filenames'][0]}" == said["objects"][0]["path"]


def test_artifacts_take_points_and_no_models(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("v 0")
    assert runstore.Object3D(np.zeros((1, 3))).in_artifact(Artifact())["path"].endswith(".pts.json")
    with pytest.raises(ValueError, match="no other Object3D"):
        runstore.Object3D(tmp_path / "a.obj").in_artifact(Artifact())


def test_molecules_are_copied(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.pdb").write_text("ATOM")
    path = runstore.Molecule(tmp_path / "m.pdb", caption="water")
    stream = runstore.Molecule(io.StringIO("ATOM"), file_type="sdf")
    row = logged(folder, path=path, stream=stream, some=[path, stream])
    assert content(folder, row["path"]) == content(folder, row["stream"]) == b"ATOM"
    assert (row["path"]["_type"], row["path"]["caption"]) == ("molecule-file", "water")
    assert row["stream"]["path"].endswith(".sdf")
    assert (row["some"]["_type"], row["some"]["count"], row["some"]["captions"]) == ("molecule", 2, ["water", None])
    assert all(name.startswith("media/molecule/some_0_") for name in row["some"]["filenames"])


def test_what_is_no_molecule_is_refused() -> None:
    with pytest.raises(ValueError, match="takes a path or a stream"):
        runstore.Molecule(3)
    with pytest.raises(ValueError, match="needs its `file_type`"):
        runstore.Molecule(io.StringIO("ATOM"))


def test_without_rdkit_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(runstore.UsageError, match="Molecule.from_smiles needs the package rdkit: pip install rdkit"):
        runstore.Molecule.from_smiles("C")
    with pytest.raises(runstore.UsageError, match="Molecule.from_rdkit needs the package rdkit: pip install rdkit"):
        runstore.Molecule.from_rdkit("a.mol")


def test_a_smiles_string_becomes_coordinates() -> None:
    pytest.importorskip("rdkit", reason="RDKit is not installed")
    assert b"HETATM" in runstore.Molecule.from_smiles("CCO")._content()
    with pytest.raises(ValueError, match="no SMILES string"):
        runstore.Molecule.from_smiles("not one")
