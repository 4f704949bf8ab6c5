"""JSON for programs, with the floats that JSON lacks: NaN and the infinities by the names that W&B's Api gives them.

A metric that diverged must not look like one that was never logged, and every parser must be able to read what we
print. The price: a text "NaN" is taken for the number when it is read back with `unnamed`.
"""

from __future__ import annotations

import math
from typing import Any

_BY_NAME = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def named(value: Any) -> Any:
    """Return `value` with "NaN", "Infinity" and "-Infinity" for the floats that JSON lacks."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: named(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [named(item) for item in value]
    return value


def unnamed(value: Any) -> Any:
    """Return `value` with floats for these names."""
    if isinstance(value, str):
        return _BY_NAME.get(value, value)
    if isinstance(value, dict):
        return {key: unnamed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unnamed(item) for item in value]
    return value
