"""Media values as a page draws them: their kind, and the addresses of their files.

    {"kind": "images", "items": [{"src": "raw/...", "width": 64, "height": 64, "caption": "a cat"}], "count": 1}

What is said in a log is anybody's: each view takes what it can use, of the type that it must be, and bounds how much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from runstore.query.media.histograms import bars_of
from runstore.web.media.folders import Folder
from runstore.web.media.overlays import Labels, overlays
from runstore.web.tickets import Way

View: TypeAlias = dict[str, Any]
_Make: TypeAlias = Callable[[Mapping[str, Any], Folder, Labels], View]

MOST_ITEMS = 108  # of one value, as many images as the tools keep of a list
_MOST_CAPTION = 2000  # characters


def view_of(value: Any, folder: Folder, labels: Labels = Labels()) -> View:  # noqa: B008 - it never changes
    """Return what a page draws for a media value, or for a list of them; files are found in `folder`."""
    if isinstance(value, list):
        views = [view_of(item, folder, labels) for item in value[:MOST_ITEMS] if isinstance(item, dict)]
        kinds = {view["kind"] for view in views}
        if len(kinds) == 1 and all("items" in view for view in views):
            return _several(kinds.pop(), [item for view in views for item in view["items"]], len(value))
        return {"kind": "list", "views": views, "count": len(value)}
    _, view = _VIEWS.get(str(value.get("_type")), _OTHER)
    return view(value, folder, labels)


def kind_of(media_type: str) -> str:
    """Return the kind of the view of a `_type`."""
    return _VIEWS.get(media_type, _OTHER)[0]


def _several(kind: str, items: Sequence[View], count: int | None = None) -> View:
    return {"kind": kind, "items": list(items[:MOST_ITEMS]), "count": len(items) if count is None else count}


def _images(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    return _several("images", [_image(value, folder, labels)])


def _image(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    item = _item(value, folder, "image")
    item |= {name: _number(value.get(name)) for name in ("width", "height")}
    return item | overlays(value, folder, labels)


def _image_list(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    names, size = _list(value.get("filenames")), {name: value.get(name) for name in ("width", "height")}
    said = [
        {
            **size,
            "path": path,
            "caption": _at(value.get("captions"), place),
            "masks": _at(value.get("all_masks"), place),
            "boxes": _at(value.get("all_boxes"), place),
        }
        for place, path in enumerate(names[:MOST_ITEMS])
    ]
    return _several("images", [_image(one, folder, labels) for one in said], len(names))


def _files(kind: str, as_: Way = "file") -> _Make:
    return lambda value, folder, labels: _several(kind, [_item(value, folder, as_)])


def _file_list(kind: str, name: str, as_: Way = "file") -> _Make:
    """Return what makes the view of a list whose items are dicts, under `name`."""

    def view(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
        said = [item for item in _list(value.get(name)) if isinstance(item, dict)]
        for place, caption in enumerate(_list(value.get("captions"))[: len(said)]):
            said[place] = {**said[place], "caption": caption}
        return _several(kind, [_item(item, folder, as_) for item in said[:MOST_ITEMS]], len(said))

    return view


def _molecules(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    names = _list(value.get("filenames"))
    said = [{"path": path, "caption": _at(value.get("captions"), place)} for place, path in enumerate(names)]
    return _several("molecule", [_item(one, folder, "file") for one in said[:MOST_ITEMS]], len(names))


def _item(value: Mapping[str, Any], folder: Folder, as_: Way) -> View:
    """Return a file: where it is read, where it is downloaded, what it is called."""
    path = value.get("path")
    if not isinstance(path, str) or not path:
        return {"src": None, "name": "", "caption": _caption(value)}
    item: View = {"src": folder.address(path, as_), "name": path.rpartition("/")[2], "caption": _caption(value)}
    if as_ != "image":
        item |= {"download": folder.address(path, "download"), "size": _number(value.get("size"))}
    return item


def _histogram(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    counts, edges = bars_of(value) or ([], [])
    return {"kind": "histogram", "counts": counts, "edges": edges}


def _table(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    return {"kind": "table", "rows": _number(value.get("nrows")), "columns": _number(value.get("ncols"))}


def _other(value: Mapping[str, Any], folder: Folder, labels: Labels) -> View:
    return {"kind": "other", "type": str(value.get("_type"))[:100], "items": [_item(value, folder, "download")]}


def _caption(value: Mapping[str, Any]) -> str | None:
    caption = value.get("caption")
    return caption[:_MOST_CAPTION] if isinstance(caption, str) else None


def _number(value: object) -> float | int | None:
    """Return a finite number; None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < float("inf") else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(values: object, place: int) -> Any:
    return values[place] if isinstance(values, list) and place < len(values) else None


# The kind of each `_type`, and what makes its view.
_VIEWS: dict[str, tuple[str, _Make]] = {
    "image-file": ("images", _images),
    "images/separated": ("images", _image_list),
    "audio-file": ("audio", _files("audio")),
    "audio": ("audio", _file_list("audio", "audio")),
    "video-file": ("video", _files("video")),
    "videos": ("video", _file_list("video", "videos")),
    "html-file": ("html", _files("html", "frame")),
    "html": ("html", _file_list("html", "html", "frame")),
    "object3D-file": ("object3d", _files("object3d")),
    "object3D": ("object3d", _file_list("object3d", "objects")),
    "molecule-file": ("molecule", _files("molecule")),
    "molecule": ("molecule", _molecules),
    "plotly-file": ("plotly", _files("plotly")),
    "histogram": ("histogram", _histogram),
    "table-file": ("table", _table),
    "incremental-table-file": ("table", _table),
    "table": ("table", _table),
    "joined-table": ("table", _table),
    "partitioned-table": ("table", _table),
    "list": ("list", _other),
}
_OTHER: tuple[str, _Make] = ("other", _other)
