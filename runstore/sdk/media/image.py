"""Image: pictures, with boxes and masks over them."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, cast

from runstore.sdk.media.base import ArtifactFolder, StoredFolder, WrongMedia, WrongMediaType
from runstore.sdk.media.boxes import BoundingBoxes2D
from runstore.sdk.media.classes import Classes
from runstore.sdk.media.masks import ImageMask
from runstore.sdk.media.onefile import FileMedia, is_elsewhere, library
from runstore.sdk.media.pixels import as_picture

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from runstore.sdk.recorder import Recorder

_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}  # by file type, as Pillow calls them


class Image(FileMedia):
    """A picture. Lists of pictures logged under one key are shown side by side."""

    log_type = "image-file"
    folder = "images"
    most_together = 108
    MAX_ITEMS: ClassVar[int] = most_together
    MAX_DIMENSION: ClassVar[int] = 65500  # pixels, of Pillow's formats

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[dict[str, Any]] | None = None,
        boxes: dict[str, BoundingBoxes2D] | dict[str, dict[str, Any]] | None = None,
        masks: dict[str, ImageMask] | dict[str, dict[str, Any]] | None = None,
        file_type: str | None = None,
    ) -> None:
        """Take a picture from an array, a tensor, a figure, a file, or another Image.

        Arrays have the shape (height, width) or (height, width, channels), tensors of PyTorch's (channels, height,
        width), with 1, 3 or 4 channels and values from 0 to 255. Also taken: pictures of Pillow's, figures of
        matplotlib's, and pyplot itself for its current one. These are encoded at once, as `file_type` (png, jpg, jpeg
        or bmp; png by default), with Pillow's `mode` (guessed by default). A file is copied when it is logged; an
        address (http, s3, gs) can only be put into an artifact.

        Raises OSError for a file that can't be read or is no picture, WrongMedia and WrongMediaType for what can't be
        meant so, UsageError where Pillow is not installed.
        """
        super().__init__(caption)
        self.format = ""
        self._grouping = grouping
        self._width: int | None = None
        self._height: int | None = None
        self._classes: Classes | None = None
        if isinstance(data_or_path, Image):
            self._take_over(data_or_path)
        elif is_elsewhere(data_or_path):
            self._from_elsewhere(data_or_path)
            self.format = data_or_path.rsplit("/", 1)[-1].split("?")[0].rsplit(".", 1)[-1]
        elif isinstance(data_or_path, (str, PurePath)):
            self._open(data_or_path)
        else:
            self._encode(data_or_path, mode, file_type)
        self._boxes = {key: _boxes(item, key) for key, item in _named("boxes", boxes).items()}
        self._masks = {key: _mask(item, key) for key, item in _named("masks", masks).items()}
        self._name_classes(classes)

    @property
    def image(self) -> Picture | None:
        """The picture as Pillow's, decoded from what is recorded; None where only its address is known."""
        if self._source is None:
            return None
        picture: Picture = library("PIL.Image", "Image").open(io.BytesIO(self._content()))
        picture.load()
        return picture

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """See Media.in_artifact. Raises WrongMedia for boxes or masks whose classes have no names."""
        if (self._boxes or self._masks) and self._classes is None:
            raise WrongMedia("an image with boxes or masks needs `classes` to be put into an artifact")
        said: dict[str, Any] = super().in_artifact(artifact)
        if self._classes is not None:
            said["classes"] = self._classes.file_in_artifact(artifact)
        if self._boxes:
            said["boxes"] = {key: boxes.in_artifact(artifact) for key, boxes in self._boxes.items()}
        if self._masks:
            said["masks"] = {key: mask.in_artifact(artifact) for key, mask in self._masks.items()}
        return said

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        first = items[0]
        if any((item._width, item._height) != (first._width, first._height) for item in items):
            recorder.warn("images of different sizes were logged as one list; W&B's pages show them at the first one's")
        said = {
            "_type": "images/separated",
            "width": first._width,
            "height": first._height,
            "format": first.format,
            "count": len(items),
            "filenames": [item._recorded[1]["path"] for item in items],
        }
        if first._caption is not None:
            said["captions"] = [item._caption for item in items]
        for name in ("masks", "boxes"):
            groups = [item._over(name) or None for item in items]
            if any(groups):
                said[f"all_{name}"] = groups
        return said

    def _json(self) -> dict[str, Any]:
        over = {name: self._over(name) for name in ("boxes", "masks")}
        return {**super()._json(), **{name: group for name, group in over.items() if group}}

    def _over(self, name: str) -> dict[str, Any]:
        """Return the JSON of what lies over the picture."""
        group: dict[str, FileMedia] = getattr(self, f"_{name}")
        return {key: item._json() for key, item in group.items()}

    def _described(self) -> dict[str, Any]:
        said = {**super()._described(), "format": self.format}
        for name, value in (("width", self._width), ("height", self._height), ("grouping", self._grouping or None)):
            if value is not None:
                said[name] = value
        return said

    def _record(self, recorder: Recorder, key: str, step: int | str) -> None:
        super()._record(recorder, key, step)
        for item in (*self._boxes.values(), *self._masks.values()):
            item._record(recorder, key, step)

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        self.format, self._grouping = said.get("format", ""), said.get("grouping")
        self._width, self._height = said.get("width"), said.get("height")
        classes = said.get("classes")
        self._classes = cast(Classes, folder.media(classes["path"])) if classes else None
        names = self._classes.names() if self._classes is not None else {}
        self._boxes = {
            key: BoundingBoxes2D.stored(boxes, key, names) for key, boxes in (said.get("boxes") or {}).items()
        }
        self._masks = {
            key: ImageMask.stored(mask, key, names, folder) for key, mask in (said.get("masks") or {}).items()
        }

    def _take_over(self, other: Image) -> None:
        """Become the same picture, without what lies over it."""
        self._source, self._reference, self._extension = other._source, other._reference, other._extension
        self._remarks = list(other._remarks)
        self.format, self._width, self._height, self._classes = (
            other.format,
            other._width,
            other._height,
            other._classes,
        )
        self._caption = other._caption if self._caption is None else self._caption
        self._grouping = other._grouping if self._grouping is None else self._grouping

    def _open(self, path: str | os.PathLike[str]) -> None:
        self._from_path(path)
        self.format = self._extension
        with library("PIL.Image", "Image").open(path) as picture:
            self._width, self._height = picture.size

    def _encode(self, data: Any, mode: str | None, file_type: str | None) -> None:
        self.format = file_type or "png"
        if self.format not in _FORMATS:
            raise WrongMedia(f"file_type must be one of {', '.join(_FORMATS)}, not {file_type!r}")
        picture = as_picture(data, mode, self.format, self._remarks)
        self._width, self._height = picture.size
        file = io.BytesIO()
        picture.save(file, format=_FORMATS[self.format], transparency=None)
        self._from_bytes(file.getvalue(), self.format)

    def _name_classes(self, classes: Classes | Sequence[dict[str, Any]] | None) -> None:
        """Set the classes to all that boxes, masks and `classes` name, the later winning."""
        names: dict[Any, Any] = {}
        for boxes in self._boxes.values():
            names.update(boxes._class_labels)
        for mask in self._masks.values():
            names.update(mask._class_labels)
        if classes is not None:
            names.update((classes if isinstance(classes, Classes) else Classes(classes)).names())
        if names:
            self._classes = Classes([{"id": number, "name": name} for number, name in names.items()])

    def __eq__(self, other: object) -> bool:
        """Return whether these are the same pixels with the same caption, grouping and classes."""
        if not isinstance(other, Image):
            return False
        mine = (self._reference, self._grouping, self._caption, self._width, self._height, self._classes)
        theirs = (other._reference, other._grouping, other._caption, other._width, other._height, other._classes)
        if mine != theirs:
            return False
        one, two = self.image, other.image
        return one is two or (
            one is not None and two is not None and (one.mode, one.tobytes()) == (two.mode, two.tobytes())
        )

    __hash__ = None  # type: ignore[assignment]


def _named(name: str, given: Any) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise WrongMedia(f"an image's `{name}` must be a dict by name, not {type(given).__name__}")
    return given or {}


def _boxes(item: Any, key: str) -> BoundingBoxes2D:
    if not isinstance(item, (BoundingBoxes2D, dict)):
        raise WrongMediaType(f"boxes {key!r} must be a dict with `box_data`, not {type(item).__name__}")
    return BoundingBoxes2D(item, key) if isinstance(item, dict) else item


def _mask(item: Any, key: str) -> ImageMask:
    if not isinstance(item, (ImageMask, dict)):
        raise WrongMediaType(f"mask {key!r} must be a dict with `mask_data` or `path`, not {type(item).__name__}")
    return ImageMask(item, key) if isinstance(item, dict) else item
