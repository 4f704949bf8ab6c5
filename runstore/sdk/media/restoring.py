"""Make media anew from the JSON and the files that they left in an artifact."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from runstore.sdk.media.base import Media, StoredFolder, WrongMedia

# The class of each `_type`, and the module where it is.
_CLASSES = {
    "audio-file": ("audio", "Audio"),
    "classes": ("classes", "Classes"),
    "graph-file": ("graph", "Graph"),
    "histogram": ("histogram", "Histogram"),
    "html-file": ("html", "Html"),
    "image-file": ("image", "Image"),
    "joined-table": ("joinedtable", "JoinedTable"),
    "molecule-file": ("molecule", "Molecule"),
    "object3D-file": ("object3d", "Object3D"),
    "plotly-file": ("plotly", "Plotly"),
    "table": ("table", "Table"),
    "video-file": ("video", "Video"),
}
TYPES = tuple(_CLASSES)


def is_media(value: object) -> bool:
    """Return whether a cell's JSON stands for media."""
    return isinstance(value, dict) and value.get("_type") in _CLASSES


def restored_media(said: Mapping[str, Any], folder: StoredFolder) -> Media:
    """Return the media that this JSON stands for; their files are in `folder`. Raises WrongMedia for other JSON."""
    try:
        module, name = _CLASSES[str(said.get("_type"))]
    except KeyError:
        raise WrongMedia(f"there are no media of the type {said.get('_type')!r}") from None
    found: type[Media] = getattr(importlib.import_module(f"runstore.sdk.media.{module}"), name)
    return found.restored(said, folder)
