"""Object3D: point clouds, scenes and models to turn around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from runstore.sdk.media.base import ArtifactFolder, WrongMedia
from runstore.sdk.media.onefile import FileMedia, as_array, file_json, is_tensor, type_name
from runstore.sdk.media.streams import known_ending, path_of, text_of

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_POINTS = "pts.json"
_COLUMNS = (3, 4, 6)


class Object3D(FileMedia):
    """A point cloud, a scene of points and boxes, or a model."""

    log_type = "object3D-file"
    folder = "object3D"
    SUPPORTED_TYPES: ClassVar[set[str]] = {"obj", "gltf", "glb", "babylon", "stl", _POINTS}
    SUPPORTED_POINT_CLOUD_TYPES: ClassVar[set[str]] = {"lidar/beta"}

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str | None) -> None:
        """Take points, a scene, a path, or a stream.

        Points have the shape (n, 3) of x, y, z, or (n, 4) with a category from 1 to 14, or (n, 6) with red, green,
        blue. A scene is a dict of `type` "lidar/beta" with any of `points`, `boxes` and `vectors`. A stream without a
        name needs its `file_type`: obj, gltf, glb, babylon, stl or pts.json. Files are copied when they are logged.

        Raises WrongMedia for what can't be meant so, OSError for a file that can't be read.
        """
        super().__init__(caption)
        path = path_of(data_or_path)
        if path is not None:
            self._from_path(path, known_ending(path, self.SUPPORTED_TYPES, "Object3D"))
        elif hasattr(data_or_path, "read"):
            file_type = kwargs.get("file_type")
            self._from_bytes(*text_of(data_or_path, file_type, self.SUPPORTED_TYPES, "Object3D"))
        elif isinstance(data_or_path, dict) and "type" in data_or_path:
            self._from_bytes(file_json(_scene(data_or_path)), _POINTS)
        elif type_name(data_or_path) == "numpy.ndarray" or is_tensor(data_or_path):
            self._from_bytes(file_json(_points(data_or_path)), _POINTS)
        else:
            raise WrongMedia(f"Object3D takes points, a scene, a path or a stream, not {type_name(data_or_path)}")

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Return the model in a file or a stream; a stream without a name needs its `file_type`."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Return a point cloud of an array of shape (n, 3), (n, 4) or (n, 6)."""
        return cls(as_array(data))

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Object3D:
        """Return a scene of points, of boxes (see `box3d`), and of vectors, dicts with `start` and `end`."""
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """See Media.in_artifact. Raises WrongMedia for anything but points and scenes, as W&B's library does."""
        if self._extension != _POINTS:
            raise WrongMedia("artifacts and tables take point clouds and scenes, but no other Object3D")
        said: dict[str, Any] = super().in_artifact(artifact)
        return said

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        objects = [item._json() for item in items]
        names = [said["path"].removeprefix(f"media/{cls.folder}/") for said in objects]
        return {"_type": "object3D", "filenames": names, "count": len(items), "objects": objects}


def _points(data: Any) -> Any:
    points = as_array(data)
    if points.ndim != 2 or points.shape[1] not in _COLUMNS:
        raise WrongMedia(
            f"points of shape {points.shape} can't be shown: it must be (n, 3) for x, y, z, (n, 4) with a category "
            "from 1 to 14, or (n, 6) with red, green, blue"
        )
    return points.tolist()


def _scene(scene: dict[str, Any]) -> dict[str, Any]:
    if scene["type"] not in Object3D.SUPPORTED_POINT_CLOUD_TYPES:
        raise WrongMedia(f"a scene's type must be 'lidar/beta', not {scene['type']!r}")
    # In this order W&B's library writes them: an equal scene has an equal digest.
    return {"type": scene["type"], **{name: _listed(scene.get(name)) for name in ("vectors", "points", "boxes")}}


def _listed(items: Any) -> Any:
    """Return a list; of numbers that numpy can hold in one array, as numbers of one type, as W&B's library has them."""
    import numpy as np

    if items is None or not len(items):
        return []
    try:
        return (np.array(items) if isinstance(items, (list, tuple)) else as_array(items)).tolist()
    except ValueError:  # of different lengths
        return list(items)
