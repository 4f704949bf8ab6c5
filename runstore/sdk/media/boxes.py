"""BoundingBoxes2D: boxes drawn over an image."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import ArtifactFolder, MediaFolder, WrongMediaType
from runstore.sdk.media.onefile import FileMedia, file_json, is_tensor
from runstore.sdk.values import plain

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_CORNERS = ("minX", "maxX", "minY", "maxY")
# Stands between the image's key and the boxes' in W&B's config; spelled so there.
DELIMITER = "_wandb_delimeter_"


class BoundingBoxes2D(FileMedia):
    """One named group of boxes over an image, such as its predictions."""

    log_type = "bounding-boxes"
    folder = "metadata/boxes2D"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        """Take `box_data`, a list of boxes, and `class_labels`, names by class id (by default class_0 and so on).

        A box is a dict: `position` (either minX, maxX, minY, maxY, or middle, width, height; fractions of the image,
        or pixels with `domain` "pixel"), and maybe `class_id`, `box_caption` and `scores`, numbers by name.
        Raises WrongMediaType, naming the box, where it is none.
        """
        super().__init__()
        val = {name: copy.copy(item) for name, item in val.items()}
        val["box_data"] = _boxes(val.get("box_data"))
        check_labels(val.get("class_labels", {}))
        self._val: list[dict[str, Any]] = val["box_data"]
        self._key = key
        self._class_labels: dict[Any, str] = val.get("class_labels", default_labels(self._val))
        self._from_bytes(file_json(val), "boxes2D.json")

    @classmethod
    def stored(cls, boxes: Any, key: str, labels: Mapping[Any, str]) -> BoundingBoxes2D:
        """Return the boxes that an artifact holds under a key of an image; `labels` are those of its classes."""
        found = {number: labels.get(number, name) for number, name in default_labels(boxes).items()}
        return cls({"box_data": boxes, "class_labels": found}, key)

    def in_artifact(self, artifact: ArtifactFolder) -> Any:
        """Return the boxes themselves: inside artifacts they are no file."""
        return plain(self._val)

    def _json(self) -> dict[str, Any]:
        return {**super()._json(), "_type": "boxes2D"}

    def _record(self, recorder: Recorder, key: str, step: int | str) -> None:
        super()._record(recorder, key, step)
        recorder.part(MediaFolder).label("bounding_box/class_labels", key + DELIMITER + self._key, self._class_labels)


def default_labels(boxes: list[dict[str, Any]]) -> dict[int, str]:
    """Return a name for each class id in `boxes`."""
    return {
        number: f"class_{number}" for number in sorted({int(box["class_id"]) for box in boxes if "class_id" in box})
    }


def check_labels(labels: Any) -> None:
    """Raise WrongMediaType if `labels` are not names by number."""
    if not isinstance(labels, Mapping) or not all(
        isinstance(number, numbers.Number) and isinstance(name, str) for number, name in labels.items()
    ):
        raise WrongMediaType("class_labels must be a dict of numbers to names")


def _boxes(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, list):
        raise WrongMediaType(f"box_data must be a list of boxes, not {type(data).__name__}")
    boxes = []
    for place, box in enumerate(data):
        wrong = _what_is_wrong(box)
        if wrong:
            raise WrongMediaType(f"box {place}: {wrong}")
        middle = box["position"].get("middle")
        boxes.append({**box, "position": {**box["position"], "middle": middle.tolist()}} if is_tensor(middle) else box)
    return boxes


def _what_is_wrong(box: Any) -> str | None:
    """Return a sentence about the first thing in `box` that can't be meant so."""
    if not isinstance(box, Mapping) or not _is_position(box.get("position")):
        return (
            f"it needs a `position` with numbers for {', '.join(_CORNERS)}, or for middle (two of them), width, height"
        )
    scores = box.get("scores", {})
    if not isinstance(scores, dict) or not all(
        isinstance(name, str) and isinstance(score, numbers.Number) for name, score in scores.items()
    ):
        return "its `scores` must be a dict of names to numbers"
    if not isinstance(box.get("class_id", 0), int):
        return "its `class_id` must be an int"
    if not isinstance(box.get("box_caption", ""), str):
        return "its `box_caption` must be a str"
    return None


def _is_position(position: Any) -> bool:
    if not isinstance(position, Mapping):
        return False
    if all(isinstance(position.get(name), numbers.Number) for name in ("width", "height")):
        middle = position.get("middle")
        if middle is not None and len(middle) == 2:
            return True
    return all(isinstance(position.get(name), numbers.Number) for name in _CORNERS)
