"""Classes: what the numbers of classes in masks and boxes stand for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import ArtifactFolder, Media, StoredFolder, WrongMedia
from runstore.sdk.values import plain

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Classes(Media):
    """A set of classes, each a dict with an `id` (int or str) and a `name`; given to images as `classes`."""

    log_type = "classes"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        """Raises WrongMedia for a class without `id` or `name`."""
        for item in class_set:
            if "id" not in item or "name" not in item:
                raise WrongMedia(f"each class needs an 'id' and a 'name'; this one has {sorted(map(str, item))}")
        self._class_set = class_set

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """Refuse: classes are nothing to look at by themselves, W&B's tools know them only with images."""
        raise WrongMedia(f"{key}: Classes can't be logged by themselves; give them to an Image as `classes`")

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """Return the JSON of the set."""
        return {"_type": self.log_type, "class_set": plain(self._class_set)}

    def file_in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """Add the set as a file of its own, once for each content; return the JSON that refers to it."""
        name = hashlib.md5(str(self._class_set).encode(), usedforsecurity=False).hexdigest()
        data = json.dumps(self.in_artifact(artifact), sort_keys=True).encode()
        path = f"media/classes/{name}_cls.{self.log_type}.json"
        artifact.put_media(data, path)
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        return {"type": "classes-file", "path": path, "digest": digest}

    @classmethod
    def restored(cls, said: Mapping[str, Any], folder: StoredFolder) -> Classes:
        """See Media.restored."""
        return cls(said["class_set"])

    def names(self) -> dict[Any, Any]:
        """Return the classes' names by id."""
        return {item["id"]: item["name"] for item in self._class_set}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and list(self._class_set) == list(other._class_set)

    __hash__ = None  # type: ignore[assignment]
