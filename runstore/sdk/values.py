"""Turn whatever a program logs into JSON's types, without importing the libraries that it came from."""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Mapping
from typing import Any

_JSON = (str, int, float, bool, type(None))
# Deeper nesting is cut off: it is a cycle, or nothing that a person would look at.
MAX_DEPTH = 32


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` made of dict, list, str, int, float, bool and None only.

    Numpy and torch scalars become Python's, arrays and tensors nested lists, dataclasses and namespaces dicts; what
    has no such form becomes its name (functions, classes) or its repr. A copy: the result shares nothing mutable.
    """
    if type(value) is str:
        return _unicode(value)
    if type(value) in _JSON:
        return value
    if depth > MAX_DEPTH:
        return _text(value)
    if isinstance(value, Mapping):
        return {_unicode(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, _JSON):  # subclasses: np.float64, IntFlag, fastai's str
        return (
            _unicode(str(value))
            if isinstance(value, str)
            else int(value)
            if isinstance(value, int)
            else float(value or 0.0)
        )
    return _foreign(value, depth)


def _foreign(value: Any, depth: int) -> Any:
    """Return the plain form of an object of some library's own type."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value)}
    if isinstance(value, os.PathLike):
        return plain(os.fspath(value), depth + 1)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    as_list = getattr(value, "tolist", None)  # numpy, torch, jax: a scalar where there are no dimensions
    if callable(as_list) and not isinstance(value, type):
        return plain(as_list(), depth + 1)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        return plain(item(), depth + 1)
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', _text(value))}".lstrip(".")
    if type(value).__name__ == "Namespace":  # argparse's, and its likes
        return plain(vars(value), depth + 1)
    return _text(value)


def _unicode(text: str) -> str:
    """Return `text` with question marks for lone surrogates, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _text(value: Any) -> str:
    try:
        return _unicode(repr(value))
    except Exception:  # a broken __repr__ of somebody else's must not end a training run
        return f"<{type(value).__name__}>"
