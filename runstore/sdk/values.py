"""Turn whatever a program logs into JSON's types, without importing the libraries that it came from."""

from __future__ import annotations

import dataclasses
import enum
import math
import os
from collections.abc import Mapping
from typing import Any

# Deeper nesting is cut off: it is nothing that a person would look at.
MAX_DEPTH = 32


def plain(value: Any, above: tuple[int, ...] = ()) -> Any:
    """Return `value` made of dict, list, str, int, float, bool and None only.

    Numpy and torch scalars become Python's, arrays and tensors nested lists, dataclasses and namespaces dicts; what
    has no such form becomes its name (functions, classes) or its repr. A copy: the result shares nothing mutable.
    `above` names what the value lies in, so that a circle ends where it closes.
    """
    if isinstance(value, (str, int, float)) and not isinstance(value, enum.Enum):
        return _scalar(value)
    if value is None:
        return None
    if id(value) in above or len(above) > MAX_DEPTH:
        return _text(value)
    above = (*above, id(value))
    if isinstance(value, Mapping):
        return {_name(key): plain(item, above) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, above) for item in value]
    if isinstance(value, enum.Enum):
        return plain(value.value, above)
    return _foreign(value, above)


def _scalar(value: str | int | float) -> str | int | float:
    """Return a value of exactly one of JSON's types; a subclass's (np.float64, fastai's str) becomes its base's."""
    if isinstance(value, str):
        return _unicode(str(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bool) or -(1 << 63) <= value < 1 << 64:
        return value if isinstance(value, bool) else int(value)
    try:  # readers in other languages hold 64 bits
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _name(key: Any) -> str:
    # An enum that is a str as well is its value here, as JSON encoders have it.
    return _unicode(str.__str__(key) if isinstance(key, str) else str(key))


def _foreign(value: Any, above: tuple[int, ...]) -> Any:
    """Return the plain form of an object of some library's own type."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), above) for f in dataclasses.fields(value)}
    if isinstance(value, os.PathLike):
        return plain(os.fspath(value), above)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    as_list = getattr(value, "tolist", None)  # numpy, torch, jax: a scalar where there are no dimensions
    if callable(as_list) and not isinstance(value, type):
        return plain(as_list(), above)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        return plain(item(), above)
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', _text(value))}".lstrip(".")
    if type(value).__name__ == "Namespace":  # argparse's, and its likes
        return plain(vars(value), above)
    return _text(value)


def _unicode(text: str) -> str:
    """Return `text` with question marks for lone surrogates, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _text(value: Any) -> str:
    try:
        return _unicode(repr(value))
    except Exception:  # a broken __repr__ of somebody else's must not end a training run
        return f"<{type(value).__name__}>"
