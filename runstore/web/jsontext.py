"""Answers as JSON, whatever is in them: what runs log is anybody's, and JSON can't hold all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from runstore.core.json_names import named

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_DEEPEST = 100  # what is nested deeper nobody reads; orjson's own end is at 254
_LARGEST = 1 << 63


def as_json(value: object) -> bytes:
    """Return a value as JSON: NaN and the infinities by name, keys that are no text as texts, numpy's arrays as lists.

    What JSON can't hold is replaced: bytes of a text that are no UTF-8 by question marks, integers of more than 64
    bits by floats, what is nested too deeply by dots. Where a route has columns of numbers it leaves out what is not
    finite by itself: arrays are not looked into.
    """
    try:
        return orjson.dumps(named(value), default=str, option=_OPTIONS)
    except (TypeError, RecursionError):
        return orjson.dumps(named(_holdable(value, _DEEPEST)), default=str, option=_OPTIONS)


def _holdable(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -_LARGEST <= value < 2 * _LARGEST:
        return _as_float(value)
    if isinstance(value, Mapping):
        return {_holdable(key, 1): _holdable(item, levels - 1) for key, item in value.items()} if levels else "…"
    if isinstance(value, (list, tuple)):
        return [_holdable(item, levels - 1) for item in value] if levels else "…"
    return value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
