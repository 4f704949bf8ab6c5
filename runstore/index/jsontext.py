"""JSON for SQLite columns: valid for every reader, and exact for ours.

JSON has no NaN and no infinities. An infinity is written as 9e999, which every parser reads as one; a NaN as null,
with a list beside the text of the places where null means NaN.
"""

from __future__ import annotations

import json
import math
from typing import Any

_NaNPath = list[str | int]


def to_columns(tree: Any) -> tuple[str, str | None]:
    """Return a value as JSON text, and the paths of its NaNs as JSON text (None where there are none)."""
    nan_paths: list[_NaNPath] = []
    clean = _without_nan(tree, [], nan_paths)
    text = json.dumps(clean, ensure_ascii=False, separators=(",", ":"))
    if "Infinity" in text:  # seldom: in a value, or in some text
        mark = "inf"
        while mark in text:
            mark += "~"
        text = json.dumps(_marked(clean, mark), ensure_ascii=False, separators=(",", ":"))
        text = text.replace(f'"-{mark}"', "-9e999").replace(f'"{mark}"', "9e999")
    return text, json.dumps(nan_paths) if nan_paths else None


def from_columns(text: str, nan_paths: str | None) -> Any:
    """Return the value that `to_columns` was given."""
    tree = json.loads(text)
    for path in json.loads(nan_paths) if nan_paths else []:
        if not path:
            return math.nan
        place = tree
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = math.nan
    return tree


def _without_nan(value: Any, path: _NaNPath, nan_paths: list[_NaNPath]) -> Any:
    if isinstance(value, float) and value != value:
        nan_paths.append(path)
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item, [*path, key], nan_paths) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item, [*path, place], nan_paths) for place, item in enumerate(value)]
    return value


def _marked(value: Any, mark: str) -> Any:
    """Return `value` with `mark`, which is nowhere in its text, in the place of infinities."""
    if isinstance(value, float) and math.isinf(value):
        return mark if value > 0 else f"-{mark}"
    if isinstance(value, dict):
        return {key: _marked(item, mark) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, mark) for item in value]
    return value
