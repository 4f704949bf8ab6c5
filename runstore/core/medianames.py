"""Names of media values in a history: a table or picture is logged as leaves (`t._type`, `t.path`), read as one dict.

A key is that of a media value in the rows in which a leaf `_type` lies below it, by dotted names. What else lies below
it there is part of the value. Names alone are known, so that a metric that a program calls `t.x`, in a row with a table
`t`, is taken for a part of that table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from runstore.core.keys import dotted, flatten, put

_TYPE = "._type"
_BEHIND_DOT = chr(ord(".") + 1)

Path = tuple[str, ...]
Leaves = dict[str, dict[str, Path]]  # of each media value, the names of its leaves, and where they lie in its dict


def type_leaf(key: str) -> str:
    """Return the name of the leaf that makes `key` a media value in a row."""
    return key + _TYPE


def range_below(key: str) -> tuple[str, str]:
    """Return what all names below `key` are not less than, and what they are less than."""
    return f"{key}.", key + _BEHIND_DOT


def media_in(names: Iterable[str]) -> list[str]:
    """Return the keys that are media values in some rows, where these are the names; sorted, so outer ones first."""
    return sorted(name[: -len(_TYPE)] for name in names if name.endswith(_TYPE))


def leaves_in(names: Iterable[str]) -> Leaves:
    """Return the leaves of all media values of a history with these names, outer values first."""
    names = list(names)
    media = media_in(names)
    if media:
        names.sort()
    found: Leaves = {}
    for key in media:
        inner = _between(media, key)
        found[key] = {name: _path(key, name, inner) for name in _between(names, key)}
    return found


def with_leaves(keys: Iterable[str], names: Collection[str]) -> list[str]:
    """Return these keys, each once; in the place of one of media values stand all their leaves that are in `names`.

    It stands before them where it is in `names` itself, as a metric that is a media value at some steps alone.
    """
    leaves = leaves_in(names)
    wanted: dict[str, None] = {}
    for key in keys:
        if key not in leaves or key in names:
            wanted[key] = None
        wanted |= dict.fromkeys(leaves.get(key, ()))
    return list(wanted)


def united(row: dict[str, Any], leaves: Leaves) -> dict[str, Any]:
    """Return a row in which the leaves of each media value are one dict under its key; `row` is used up."""
    for key, paths in leaves.items():
        if type_leaf(key) not in row:  # no media in this row, or part of an outer one
            continue
        value: dict[str, Any] = {}
        for name, path in paths.items():
            if name in row:
                put(value, path, row.pop(name))
        row[key] = value
    return row


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the leaves of media values by their dotted names."""
    return {dotted(name): value for name, value in flatten(row).items()}


def _between(names: list[str], key: str) -> list[str]:
    low, high = range_below(key)
    return names[bisect_left(names, low) : bisect_left(names, high)]


def _path(key: str, name: str, inner: Sequence[str]) -> Path:
    """Return where a leaf lies in the dict of `key`.

    Values inside of it, such as the masks of a picture, lie in a dict, and their keys are the program's: these may have
    dots in them.
    """
    below = name[len(key) + 1 :]
    for other in inner:
        if name.startswith(f"{other}."):
            above = other[len(key) + 1 :]
            return (*above.split(".", 1), *below[len(above) + 1 :].split("."))
    return tuple(below.split("."))
