"""What lies over pictures: masks, a class for each pixel, and boxes. Boxes come as fractions of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from runstore.web.media.folders import Folder, read_within

_MOST_LAYERS = 20
_MOST_BOXES = 1000
_MOST_FILE_BYTES = 4 << 20
_MOST_CLASSES = 1000
_MOST_TEXT = 200  # characters
_BETWEEN = "_wandb_delimeter_"  # an image's key and its mask's in the config; spelled so there
_GROUPS = {"masks": "mask/class_labels", "boxes": "bounding_box/class_labels"}


@dataclass(frozen=True)
class Labels:
    """The names of classes that the config of a run says of the pictures under one key."""

    key: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)

    def of(self, group: str, layer: str) -> dict[str, str]:
        """Return the names by class id, for a layer of `masks` or of `boxes`."""
        said = _dict(_dict(self.config.get("_wandb")).get(_GROUPS[group]))
        keys = (self.key, self.key.rpartition(".")[2])  # of pictures in nested dicts the innermost key was taken
        found = next((said[name] for name in (f"{key}{_BETWEEN}{layer}" for key in keys) if name in said), None)
        return _names(_dict(found).get("value"))


def overlays(image: Mapping[str, Any], folder: Folder, labels: Labels) -> dict[str, Any]:
    """Return the masks and boxes over one picture, given the JSON that stands for it; nothing where it has none."""
    classes = _classes(image, folder)
    found: dict[str, Any] = {}
    masks = [_mask(name, _dict(said), folder, labels, classes) for name, said in _layers(image.get("masks"))]
    boxes = [_boxes(name, said, image, folder, labels, classes) for name, said in _layers(image.get("boxes"))]
    if masks:
        found["masks"] = masks
    if boxes:
        found["boxes"] = boxes
    return found


def _layers(group: object) -> list[tuple[str, Any]]:
    return [(str(name)[:_MOST_TEXT], said) for name, said in list(_dict(group).items())[:_MOST_LAYERS]]


def _mask(
    name: str, said: Mapping[str, Any], folder: Folder, labels: Labels, classes: Mapping[str, str]
) -> dict[str, Any]:
    path = said.get("path")
    source = folder.address(path, "image") if isinstance(path, str) and path else None
    return {"name": name, "src": source, "classes": {**classes, **labels.of("masks", name)}}


def _boxes(
    name: str, said: Any, image: Mapping[str, Any], folder: Folder, labels: Labels, classes: Mapping[str, str]
) -> dict[str, Any]:
    """Return a layer of boxes; in a run they are a file of their own, in artifacts a list."""
    known = {**classes, **labels.of("boxes", name)}
    data = said if isinstance(said, list) else None
    if data is None:
        file = _json(folder, _dict(said).get("path"))
        known = {**known, **_names(_dict(file).get("class_labels"))}
        data = _dict(file).get("box_data")
    every = data if isinstance(data, list) else []
    size = image.get("width"), image.get("height")
    boxes = [box for box in (_box(_dict(one), size) for one in every[:_MOST_BOXES]) if box is not None]
    return {"name": name, "boxes": boxes, "count": len(every), "classes": known}


def _box(said: Mapping[str, Any], size: tuple[Any, Any]) -> dict[str, Any] | None:
    """Return a box with its corners [left, top, right, bottom] from 0 to 1; None where they can't be told."""
    position = _dict(said.get("position"))
    try:
        if "middle" in position:
            (x, y), half_width, half_height = position["middle"], position["width"] / 2, position["height"] / 2
            corners = [x - half_width, y - half_height, x + half_width, y + half_height]
        else:
            corners = [position[name] for name in ("minX", "minY", "maxX", "maxY")]
        if said.get("domain") == "pixel":
            width, height = size
            corners = [corner / (height if place % 2 else width) for place, corner in enumerate(corners)]
        at = [round(float(corner), 5) for corner in corners]
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    caption, scores = said.get("box_caption"), _dict(said.get("scores"))
    box: dict[str, Any] = {"at": at, "id": said.get("class_id") if isinstance(said.get("class_id"), int) else None}
    if isinstance(caption, str):
        box["caption"] = caption[:_MOST_TEXT]
    if scores:
        box["scores"] = {str(key)[:_MOST_TEXT]: score for key, score in list(scores.items())[:_MOST_LAYERS]}
    return box


def _classes(image: Mapping[str, Any], folder: Folder) -> dict[str, str]:
    """Return the names of classes that a picture in an artifact refers to."""
    file = _json(folder, _dict(image.get("classes")).get("path"))
    every = _dict(file).get("class_set")
    pairs = [_dict(one) for one in every[:_MOST_CLASSES]] if isinstance(every, list) else []
    return _names({str(one.get("id")): one.get("name") for one in pairs})


def _json(folder: Folder, path: object) -> Any:
    if not isinstance(path, str) or not path:
        return None
    data = read_within(folder, path, _MOST_FILE_BYTES)
    try:
        return None if data is None else orjson.loads(data)
    except ValueError:
        return None


def _names(said: object) -> dict[str, str]:
    pairs = list(_dict(said).items())[:_MOST_CLASSES]
    return {str(number): name[:_MOST_TEXT] for number, name in pairs if isinstance(name, str)}


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
