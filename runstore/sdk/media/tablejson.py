"""A table as JSON: plain for the run, where media are only named, and typed for its artifact, which holds all of it."""

from __future__ import annotations

import datetime
import enum
import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import Media
from runstore.sdk.media.tabletypes import NUMBER, Array, DictOf, Kind, ListOf, TableFolder, Union
from runstore.sdk.values import plain

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table

# A row of numbers this long is a point to be drawn, and stays in the table; what is larger gets a file of its own.
MAX_EMBEDDING_DIMENSIONS = 150
_DIGEST_CHARACTERS = 20

_AS_THEY_ARE = frozenset((str, int, bool, type(None)))
_logger = logging.getLogger(__name__)


def plain_json(table: Table, rows: Sequence[list[Any]]) -> dict[str, Any]:
    """Return columns and rows; cells that are media are the names of their classes."""
    return {"columns": list(table.columns), "data": [[_plain_cell(cell) for cell in row] for row in rows]}


def typed_json(table: Table, rows: Sequence[list[Any]], artifact: TableFolder) -> dict[str, Any]:
    """Return all of a table; adds to `artifact` the files of its media and large arrays."""
    kinds = dict(table.column_types.fields)
    in_files = set()
    for place, column in enumerate(table.columns):
        array = _array_in(kinds[column])
        if array is not None and not _is_embedding(array):
            kinds[column] = _kept_apart(kinds[column], array, [row[place] for row in rows], str(column), artifact)
            in_files.add(place)
        elif array is not None:
            kinds[column] = ListOf(NUMBER, array.shape[0])
    data = [[None if at in in_files else typed_cell(cell, artifact) for at, cell in enumerate(row)] for row in rows]
    return {
        "_type": "table",
        "columns": list(table.columns),
        "data": data,
        "ncols": len(table.columns),
        "nrows": len(data),
        "column_types": DictOf(kinds).json(artifact),
        "log_mode": table.log_mode,
    }


def limited(rows: Sequence[list[Any]], most: int) -> Sequence[list[Any]]:
    """Return the rows that are kept; says in the log of the library what is not."""
    if len(rows) > most:
        _logger.warning("a table of %d rows is recorded with the first %d only", len(rows), most)
    return rows[:most]


def typed_cell(value: Any, artifact: TableFolder) -> Any:
    """Return what stands for a cell in the artifact: JSON's types, times in milliseconds since the epoch."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Media):
        return value.in_artifact(artifact)
    if isinstance(value, float):
        return None if value != value else float(value)
    if isinstance(value, datetime.date):
        return _milliseconds(value)
    if isinstance(value, Mapping):
        return {_key(key): typed_cell(item, artifact) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [typed_cell(item, artifact) for item in value]
    if hasattr(value, "tolist"):
        listed = value.tolist()
        nanoseconds = type(value).__name__ == "datetime64" and isinstance(listed, int)
        return listed / 1e6 if nanoseconds else typed_cell(listed, artifact)
    return _seldom(value)


def _plain_cell(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE or isinstance(value, float):
        return value
    if isinstance(value, Media):
        return type(value).__name__
    if isinstance(value, Mapping):
        return {_key(key): _plain_cell(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_cell(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat().replace("+00:00", "Z")  # as orjson writes it for W&B's library
    if hasattr(value, "tolist"):
        listed = value.tolist()
        is_array = type(value).__name__ == "ndarray"
        return _plain_cell([listed] if is_array and not isinstance(listed, list) else listed)
    return _seldom(value)


def _seldom(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.name if isinstance(value, enum.Enum) else plain(value)


def _key(key: Any) -> str:
    return str(plain(key))


def _milliseconds(value: datetime.date) -> int:
    """Return a time, UTC where it names no zone, or the beginning of a day."""
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return int(value.timestamp() * 1000)


def _array_in(kind: Kind) -> Array | None:
    for member in kind.members if isinstance(kind, Union) else (kind,):
        if isinstance(member, Array):
            return member
    return None


def _is_embedding(array: Array) -> bool:
    return len(array.shape) == 1 and array.shape[0] <= MAX_EMBEDDING_DIMENSIONS


def _kept_apart(kind: Kind, array: Array, cells: list[Any], column: str, artifact: TableFolder) -> Kind:
    """Write a column of arrays to a file of the artifact; return its kind, which says where."""
    import numpy as np

    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **{column: np.array(cells)})
    digest = hashlib.md5(file.getvalue(), usedforsecurity=False).hexdigest()[:_DIGEST_CHARACTERS]
    path = f"media/serialized_data/{digest}.npz"
    artifact.put_media(file.getvalue(), path)
    apart = Array(array.shape, path, column)
    if not isinstance(kind, Union):
        return apart
    return Union.of(apart if member is array else member for member in kind.members)
