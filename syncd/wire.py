"""JSON between the hub and those who read from it, with the floats that JSON lacks. No I/O here.

NaN and the infinities travel as the strings "NaN", "Infinity" and "-Infinity", as in a run log's own `value_json`:
a metric that diverged must not look like one that was never logged.
"""

from __future__ import annotations

import math

import orjson

_BY_NAME = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(value: object) -> bytes:
    """Return `value` as JSON. NumPy scalars and arrays are taken as well."""
    return orjson.dumps(_named(value), option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def decode(data: bytes) -> object:
    """Return the value of `encode`d bytes. Raises ValueError for what is not JSON."""
    return _unnamed(orjson.loads(data))


def _named(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(item) for item in value]
    return value


def _unnamed(value: object) -> object:
    if isinstance(value, str):
        return _BY_NAME.get(value, value)
    if isinstance(value, dict):
        return {key: _unnamed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unnamed(item) for item in value]
    return value
