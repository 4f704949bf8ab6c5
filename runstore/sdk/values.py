"""Turn whatever a program logs into JSON's types, without importing the libraries that it came from."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

# Deeper nesting is cut off: it is nothing that a person would look at.
MAX_DEPTH = 32


def plain(value: Any, above: tuple[int, ...] = (), *, enum_names: bool = False) -> Any:
    """Return `value` made of dict, list, str, int, float, bool and None only.

    Numpy and torch scalars become Python's, arrays and tensors nested lists, dataclasses and namespaces dicts; what
    has no such form becomes its name (functions, classes) or what str() makes of it. A copy: the result shares nothing
    mutable. `above` names what the value lies in, so that a circle ends where it closes. Of an enum its value is
    taken, or, with `enum_names`, its name, as stock tools have it in config and summary. An object that fails when it
    is looked at becomes text as well: logging must not end a training run.
    """
    try:
        return _plain(value, above, enum_names)
    except Exception:  # whatever an object of some library's raises
        return _text(value)


def _plain(value: Any, above: tuple[int, ...], enum_names: bool) -> Any:
    if isinstance(value, (str, int, float)) and not isinstance(value, enum.Enum):
        return _scalar(value)
    if value is None:
        return None
    if id(value) in above or len(above) > MAX_DEPTH:
        return _text(value)
    above = (*above, id(value))
    if isinstance(value, Mapping):
        # list(): another thread may be changing it
        return {_name(key): plain(item, above, enum_names=enum_names) for key, item in list(value.items())}
    if isinstance(value, (list, tuple, set, frozenset, range, deque)):
        return [plain(item, above, enum_names=enum_names) for item in list(value)]
    if isinstance(value, enum.Enum):
        return storable(value.name) if enum_names else plain(value.value, above)
    return _foreign(value, above, enum_names)


def with_plain_numbers(row: dict[str, Any]) -> bool:
    """Put Python's numbers in the place of numpy's and torch's scalars; return whether all values are numbers then."""
    try:
        for name, value in row.items():
            if type(value) is not float and type(value) is not int:
                number = value.item() if getattr(value, "ndim", None) == 0 else value
                if isinstance(number, float):
                    number = float(number)
                elif type(number) is not int:
                    return False
                row[name] = number
    except Exception:  # an object that fails when it is looked at; `plain` knows what to do with it
        return False
    return True


def _scalar(value: str | int | float) -> str | int | float:
    """Return a value of exactly one of JSON's types; a subclass's (np.float64, fastai's str) becomes its base's."""
    if isinstance(value, str):
        return storable(str(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bool) or -(1 << 63) <= value < 1 << 64:
        return value if isinstance(value, bool) else int(value)
    try:  # readers in other languages hold 64 bits
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _name(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    try:
        # An enum that is a str as well is its value here, as JSON encoders have it.
        return storable(str.__str__(key) if isinstance(key, str) else str(key))
    except Exception:  # a broken __str__ of somebody else's
        return _text(key)


def _foreign(value: Any, above: tuple[int, ...], enum_names: bool) -> Any:
    """Return the plain form of an object of some library's own type."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), above, enum_names=enum_names) for f in dataclasses.fields(value)}
    if isinstance(value, os.PathLike):
        return plain(os.fspath(value), above)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, complex):
        return str(value).strip("()")
    as_list = getattr(value, "tolist", None)  # numpy, torch, jax: a scalar where there are no dimensions
    if callable(as_list) and not isinstance(value, type):
        return plain(as_list(), above)
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, type):
        return plain(item(), above)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', None) or ''}.{value.__qualname__}".lstrip(".")
    if type(value).__name__ == "Namespace":  # argparse's, and its likes
        return plain(vars(value), above, enum_names=enum_names)
    return _text(value)


def _duration(value: datetime.timedelta) -> str:
    """Return a length of time as ISO 8601 writes it, such as PT1M30S; days are 24 hours."""
    sign, value = "-" if value < datetime.timedelta() else "", abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (seconds + value.microseconds / 1e6, "S"))
    clock = "".join(f"{number:.8g}{unit}" for number, unit in parts if number)
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}T{clock}" if clock else f"{sign}P{days}" if days else "PT0S"


def storable(text: str) -> str:
    """Return `text` with question marks for lone surrogates, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _text(value: Any) -> str:
    try:
        return storable(str(value))
    except Exception:  # a broken __str__ of somebody else's must not end a training run
        return f"<{type(value).__name__}>"
