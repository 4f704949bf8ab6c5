"""Cells of a table as a page shows them: numbers and texts as they are, what is long cut, media as views.

{"cut": "a long text ..."}    {"json": "[1, 2, 3]"}    {"media": {"kind": "images", ...}}    {"time": 1.7e9}
"""

from __future__ import annotations

import math
from typing import Any

from runstore.web.jsontext import as_json
from runstore.web.media.folders import Folder
from runstore.web.media.views import view_of

MOST_TEXT = 300  # characters of a cell in a page; the whole is asked for by itself
MOST_WHOLE_TEXT = 1 << 20
_DIGITS = 6
_MOST_MILLISECONDS = 8.64e15  # a browser's dates end there
_KEPT_APART = "ndarray"  # in a file of numpy's, which may be pickled: it is never opened


def cell_of(value: Any, kind: str | None, folder: Folder, most_text: int = MOST_TEXT) -> Any:
    """Return a cell; `kind` is that of its column, as far as it is known."""
    if isinstance(value, bool) or value is None:
        return {"note": "array"} if value is None and kind == _KEPT_APART else value
    if isinstance(value, (int, float)):
        return _number(value, kind)
    if isinstance(value, str):
        return value if len(value) <= most_text else {"cut": value[:most_text]}
    if isinstance(value, dict) and isinstance(value.get("_type"), str):
        return {"media": view_of(value, folder)}
    text = as_json(value).decode()
    return {"json": text[:most_text], "is_cut": len(text) > most_text}


def _number(value: int | float, kind: str | None) -> Any:
    if kind == "timestamp" and abs(value) < _MOST_MILLISECONDS:
        return {"time": value / 1000}
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)  # JavaScript's numbers hold no more
    if not math.isfinite(value):
        return {"note": str(value).replace("inf", "Infinity").replace("nan", "NaN")}
    return float(f"{value:.{_DIGITS}g}")
