"""The types of a table's columns as an artifact says them, and the values of its cells: the way back of tabletypes.

What a table held is not always told by its JSON: sets and tuples come back as lists, dates as times at their beginning,
NaN as None.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from runstore.sdk.media.base import StoredFolder
from runstore.sdk.media.imagetype import ImageFile
from runstore.sdk.media.restoring import is_media, restored_media
from runstore.sdk.media.tablekeys import ForeignIndex, ForeignKey, PrimaryKey
from runstore.sdk.media.tabletypes import (
    ANYTHING,
    INVALID,
    NUMBER,
    TIMESTAMP,
    UNKNOWN,
    Array,
    Constant,
    DictOf,
    Kind,
    ListOf,
    PythonObject,
    Scalar,
    TableOf,
    Union,
)

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table

_SCALARS = ("none", "string", "number", "boolean", "timestamp")
_FILES = ("audio-file", "video-file", "html-file", "object3D-file")
_Parse = Callable[[Mapping[str, Any], StoredFolder], Kind]


def stored_kind(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    """Return the kind that `Kind.json` wrote; one that nobody knows takes anything."""
    parse = _PARSERS.get(str(said.get("wb_type")))
    return ANYTHING if parse is None else parse(said.get("params") or {}, folder)


def stored_rows(
    rows: Sequence[Sequence[Any]], columns: Sequence[Any], kinds: Mapping[Any, Kind], folder: StoredFolder
) -> list[list[Any]]:
    """Return the rows of a table as they were before they became JSON, as far as that tells it."""
    made = [list(row) for row in rows]
    for place, column in enumerate(columns):
        kind = kinds[column]
        apart = _array_in_file(kind)
        if apart is not None:
            from runstore.sdk.media.arrayfiles import arrays_in

            for row, value in zip(made, arrays_in(folder.file(str(apart.path)), str(apart.key)), strict=True):
                row[place] = value
            continue
        if _is_plain(kind):
            continue
        for row in made:
            row[place] = _cell(row[place], kind, folder)
    return made


def _cell(value: Any, kind: Kind, folder: StoredFolder) -> Any:
    if value is None:
        return None
    if is_media(value):
        return restored_media(value, folder)
    members = kind.members if isinstance(kind, Union) else (kind,)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_time = TIMESTAMP in members and NUMBER not in members
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc) if is_time else value
    for member in members:
        if isinstance(member, ListOf) and isinstance(value, list):
            return [_cell(item, member.element, folder) for item in value]
        if isinstance(member, DictOf) and isinstance(value, dict):
            return {key: _cell(item, member.fields.get(key, UNKNOWN), folder) for key, item in value.items()}
    return value


def _is_plain(kind: Kind) -> bool:
    """Whether all values of a kind are what their JSON is."""
    members = kind.members if isinstance(kind, Union) else (kind,)
    return all(isinstance(member, Scalar) and member.name in _SCALARS and member != TIMESTAMP for member in members)


def _array_in_file(kind: Kind) -> Array | None:
    for member in kind.members if isinstance(kind, Union) else (kind,):
        if isinstance(member, Array) and member.path:
            return member
    return None


def _table(said: Mapping[str, Any], folder: StoredFolder) -> Table:
    return cast("Table", folder.media(str(said["table"])))


def _list(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    return ListOf(stored_kind(said.get("element_type") or {"wb_type": "unknown"}, folder), said.get("length"))


def _array(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    where = said.get("serialization_path") or {}
    return Array(tuple(said.get("shape") or ()), where.get("path"), where.get("key"))


def _dict(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    return DictOf({key: stored_kind(kind, folder) for key, kind in (said.get("type_map") or {}).items()})


def _union(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    return Union.of(stored_kind(kind, folder) for kind in said.get("allowed_types") or ())


def _constant(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    value = said.get("val")
    return Constant(set(value) if said.get("is_set") and isinstance(value, list) else value)


def _image(said: Mapping[str, Any], folder: StoredFolder) -> Kind:
    known = {name: _value(item) for name, item in said.items()}
    return ImageFile(
        {key: frozenset(ids) for key, ids in (known.get("box_layers") or {}).items()},
        frozenset(known.get("box_score_keys") or ()),
        {key: frozenset(ids) for key, ids in (known.get("mask_layers") or {}).items()},
        known.get("box_class_maps") or {},
        known.get("mask_class_maps") or {},
        known.get("class_map") or {},
    )


def _value(constant: Any) -> Any:
    """Return the value of a constant: older versions write it without its kind."""
    return (constant.get("params") or {}).get("val") if isinstance(constant, dict) else constant


_PARSERS: dict[str, _Parse] = {
    **{name: lambda said, folder, name=name: Scalar(name) for name in (*_SCALARS, *_FILES)},  # type: ignore[misc]
    "any": lambda said, folder: ANYTHING,
    "unknown": lambda said, folder: UNKNOWN,
    "invalid": lambda said, folder: INVALID,
    "pythonObject": lambda said, folder: PythonObject(str(said.get("class_name"))),
    "const": _constant,
    "union": _union,
    "list": _list,
    "ndarray": _array,
    "typedDict": _dict,
    "image-file": _image,
    "table": lambda said, folder: TableOf(stored_kind(said.get("column_types") or {"wb_type": "unknown"}, folder)),
    "primaryKey": lambda said, folder: PrimaryKey(),
    "foreignKey": lambda said, folder: ForeignKey(_table(said, folder), str(said["col_name"])),
    "foreignIndex": lambda said, folder: ForeignIndex(_table(said, folder)),
}
