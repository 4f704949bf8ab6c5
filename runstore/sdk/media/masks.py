"""ImageMask: a class for each pixel of an image."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import MediaFolder, StoredFolder, WrongMediaType
from runstore.sdk.media.boxes import DELIMITER, check_labels
from runstore.sdk.media.onefile import FileMedia, as_array, library

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_MOST_CLASSES = 256  # what a pixel of a PNG in shades of gray can tell apart


class ImageMask(FileMedia):
    """One named mask over an image, such as its prediction."""

    log_type = "mask"
    folder = "images/mask"

    def __init__(self, val: dict[str, Any], key: str) -> None:
        """Take `mask_data`, integers from 0 to 255 of shape (height, width), or `path`, of an image of a mask.

        `class_labels` are names by class id; by default class_0 and so on, for what is in the data.
        Raises WrongMediaType for data that are no mask, OSError for a path that can't be read.
        """
        super().__init__()
        self._key = key
        check_labels(val.get("class_labels", {}))
        self._class_labels: dict[Any, str] = dict(val.get("class_labels", {}))
        if "path" in val:
            self._from_path(val["path"])
            return
        if "mask_data" not in val:
            raise WrongMediaType("a mask needs `mask_data`, a class for each pixel, or the `path` of an image")
        mask = _checked(val["mask_data"])
        if "class_labels" not in val:
            import numpy as np

            self._class_labels = {number: f"class_{number}" for number in np.unique(mask).tolist()}
        file = io.BytesIO()
        library("PIL.Image", "ImageMask").fromarray(mask).save(file, format="PNG", transparency=None)
        self._from_bytes(file.getvalue(), "mask.png")

    @classmethod
    def stored(cls, said: Mapping[str, Any], key: str, labels: Mapping[Any, str], folder: StoredFolder) -> ImageMask:
        """Return the mask that an artifact holds under a key of an image; `labels` are those of its classes."""
        made = cls.restored(said, folder)
        made._key, made._class_labels = key, dict(labels)
        return made

    def _record(self, recorder: Recorder, key: str, step: int | str) -> None:
        super()._record(recorder, key, step)
        if self._class_labels:
            recorder.part(MediaFolder).label("mask/class_labels", key + DELIMITER + self._key, self._class_labels)


def _checked(data: Any) -> Any:
    """Return a mask as an array of bytes."""
    mask = as_array(data)
    if mask.ndim != 2:
        raise WrongMediaType(f"mask_data must have the shape (height, width), not {mask.shape}")
    if mask.dtype.kind not in "biuf" or not bool(((mask >= 0) & (mask < _MOST_CLASSES)).all()):
        raise WrongMediaType(f"mask_data must be integers from 0 to {_MOST_CLASSES - 1}")
    return mask.astype("uint8")
