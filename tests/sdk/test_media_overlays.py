"""What lies over images: boxes, masks, and the names of their classes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import runstore
from runstore.sdk.media.boxes import BoundingBoxes2D
from runstore.sdk.media.masks import ImageMask
from tests.sdk.medialogs import Artifact, class_labels, content, logged, logged_rows
from tests.sdk.reading import begin, only_log, records

RGB = np.zeros((4, 6, 3), np.uint8)
MASK = np.arange(24).reshape(4, 6) * 10
BOX: dict[str, Any] = {
    "position": {"middle": [3, 2], "width": np.int64(2), "height": 1.5},
    "domain": "pixel",
    "class_id": 3,
}
CORNERS: dict[str, Any] = {
    "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.9},
    "scores": {"iou": 0.5},
    "box_caption": "b",
}


def test_boxes_are_a_json_file_beside_the_image(folder: Path) -> None:
    data: dict[str, Any] = {"box_data": [BOX, CORNERS], "class_labels": {3: "cat"}}
    boxes = logged(folder, image=runstore.Image(RGB, boxes={"found": data}))["image"]["boxes"]["found"]
    assert boxes["_type"] == "boxes2D"
    assert boxes["path"] == f"media/metadata/boxes2D/image_0_{boxes['sha256'][:20]}.boxes2D.json"
    plain_box = {**BOX, "position": {"middle": [3, 2], "width": 2, "height": 1.5}}
    assert json.loads(content(folder, boxes)) == {"box_data": [plain_box, CORNERS], "class_labels": {"3": "cat"}}


def test_masks_are_gray_pictures_beside_the_image(folder: Path) -> None:
    masks: dict[str, Any] = {"found": {"mask_data": MASK, "class_labels": {0: "sky"}}}
    mask = logged(folder, image=runstore.Image(RGB, masks=masks))["image"]["masks"]["found"]
    assert mask["_type"] == "mask"
    assert mask["path"] == f"media/images/mask/image_0_{mask['sha256'][:20]}.mask.png"
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(content(folder, mask)))), MASK)


def test_a_mask_may_be_a_file(folder: Path, tmp_path: Path) -> None:
    Pillow.fromarray(MASK.astype(np.uint8)).save(tmp_path / "m.png")
    masks: dict[str, Any] = {"found": {"path": str(tmp_path / "m.png"), "class_labels": {1: "dog"}}}
    mask = logged(folder, image=runstore.Image(RGB, masks=masks))["image"]["masks"]["found"]
    assert content(folder, mask) == (tmp_path / "m.png").read_bytes()
    assert class_labels(folder) == {"image_wandb_delimeter_found": {"1": "dog"}}


def test_names_of_classes_go_to_the_config_by_image_and_group(folder: Path) -> None:
    named: dict[str, Any] = {"box_data": [BOX], "class_labels": {3: "cat"}}
    boxes = {"a": named, "b": {"box_data": [BOX, CORNERS]}}
    image = runstore.Image(RGB, boxes=boxes, masks={"m": {"mask_data": np.eye(2, dtype=bool)}})
    logged(folder, **{"val/image": image})
    assert class_labels(folder) == {
        "val/image_wandb_delimeter_a": {"3": "cat"},
        "val/image_wandb_delimeter_b": {"3": "class_3"},
        "val/image_wandb_delimeter_m": {"0": "class_0", "1": "class_1"},
    }


def test_names_of_classes_are_recorded_again_only_when_they_change(folder: Path) -> None:
    run = begin()
    for name in ("cat", "cat", "dog"):
        boxes: dict[str, Any] = {"a": {"box_data": [BOX], "class_labels": {3: name}}}
        run.log({"image": runstore.Image(RGB, boxes=boxes)})
    run.finish()
    labels = [u for r in records(only_log(folder)) for u in r.config.update if len(u.nested_key) == 3]
    assert [json.loads(item.value_json)["value"] for item in labels] == [{"3": "cat"}, {"3": "dog"}]


def test_in_lists_they_stand_beside_the_pictures(folder: Path) -> None:
    image = runstore.Image(RGB, boxes={"a": {"box_data": [BOX]}}, masks={"m": {"mask_data": MASK}})
    said = logged(folder, many=[runstore.Image(RGB), image])["many"]
    assert [group and list(group) for group in said["all_boxes"]] == [None, ["a"]]
    assert [group and list(group) for group in said["all_masks"]] == [None, ["m"]]
    content(folder, said["all_masks"][1]["m"])


def test_logged_again_the_same_image_brings_the_same_overlays(folder: Path) -> None:
    image = runstore.Image(RGB, boxes={"a": {"box_data": [BOX]}})
    run = begin()
    run.log({"one": image})
    run.log({"two": image})
    run.finish()
    first, second = logged_rows(folder)
    assert first["one"] == second["two"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"position": {"minX": 1}}, "box 1: it needs a `position`"),
        ({"position": {"middle": [1], "width": 1, "height": 1}}, "box 1: it needs a `position`"),
        ({"class_id": "cat"}, "box 1: its `class_id` must be an int"),
        ({"scores": {"a": "high"}}, "box 1: its `scores` must be"),
        ({"scores": [1]}, "box 1: its `scores` must be"),
        ({"box_caption": 3}, "box 1: its `box_caption` must be a str"),
    ],
)
def test_a_box_that_is_none_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        runstore.Image(RGB, boxes={"a": {"box_data": [BOX, {**BOX, **change}]}})


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ({}, "a mask needs `mask_data`"),
        ({"mask_data": RGB}, r"\(height, width\), not \(4, 6, 3\)"),
        ({"mask_data": MASK - 1}, "integers from 0 to 255"),
        ({"mask_data": MASK * 2}, "integers from 0 to 255"),
        ({"mask_data": MASK, "class_labels": {"a": "b"}}, "numbers to names"),
    ],
)
def test_a_mask_that_is_none_is_refused(mask: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        runstore.Image(RGB, masks={"a": mask})


def test_groups_must_have_names() -> None:
    with pytest.raises(ValueError, match="`boxes` must be a dict by name"):
        runstore.Image(RGB, boxes=[BOX])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="box_data must be a list"):
        BoundingBoxes2D({"box_data": None}, "a")


def test_the_users_own_dicts_are_left_as_they_were() -> None:
    boxes, mask = {"box_data": [BOX]}, {"mask_data": MASK}
    BoundingBoxes2D(boxes, "a")
    ImageMask(mask, "a")
    assert list(boxes) == ["box_data"]
    assert list(mask) == ["mask_data"]


def test_in_artifacts_boxes_stand_in_the_json_and_classes_in_a_file() -> None:
    artifact = Artifact()
    image = runstore.Image(
        RGB,
        boxes={"a": {"box_data": [CORNERS]}},
        masks={"m": {"mask_data": MASK, "class_labels": {1: "one"}}},
        classes=runstore.Classes([{"id": 2, "name": "two"}]),
    )
    said = image.in_artifact(artifact)
    assert said["boxes"] == {"a": [CORNERS]}
    assert said["masks"]["m"]["path"].startswith("media/images/mask/")
    classes = json.loads(artifact.files[said["classes"]["path"]])
    assert classes == {"_type": "classes", "class_set": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]}
    assert said["classes"]["path"].endswith("_cls.classes.json")


def test_in_artifacts_overlays_need_names_of_classes() -> None:
    with pytest.raises(ValueError, match="needs `classes`"):
        runstore.Image(RGB, boxes={"a": {"box_data": [CORNERS]}}).in_artifact(Artifact())


def test_classes_are_nothing_to_log_by_themselves(folder: Path) -> None:
    with pytest.raises(ValueError, match="give them to an Image"):
        logged(folder, classes=runstore.Classes([{"id": 1, "name": "one"}]))
    with pytest.raises(ValueError, match="needs an 'id' and a 'name'"):
        runstore.Classes([{"id": 1}])
    assert runstore.Classes([{"id": 1, "name": "one"}]) == runstore.Classes([{"id": 1, "name": "one"}])
