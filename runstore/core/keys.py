"""Names of values inside nested dicts, and the way between nested and flat.

A value at the top level is named by its key, one inside nested dicts by the tuple of keys, outermost first. So the
usual flat row costs nothing, and a key that holds a dot is never taken for two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Key = str | tuple[str, ...]  # a tuple has two elements or more


def key_of(path: Iterable[str]) -> Key:
    """Return the Key for a path of one or more keys."""
    path = tuple(path)
    return path[0] if len(path) == 1 else path


def path_of(key: Key) -> tuple[str, ...]:
    """Return the path that `key` names, of one key or more."""
    return (key,) if isinstance(key, str) else key


def dotted(key: Key) -> str:
    """Return the name that people and queries use: `a.b` for the value of b inside a."""
    return key if isinstance(key, str) else ".".join(key)


def flatten(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[Key, Any]:
    """Return the leaves of nested dicts by Key. A list is a leaf, and so is an empty dict."""
    flat: dict[Key, Any] = {}
    for key, value in tree.items():
        path = (*above, key)
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, path))
        else:
            flat[key_of(path)] = value
    return flat


def unflatten(flat: Mapping[Key, Any]) -> dict[str, Any]:
    """Return nested dicts with these leaves; where one leaf lies below another, the later in order wins.

    The dicts are new, empty ones that are leaves included, so that nothing of `flat` changes with the tree.
    """
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        if isinstance(value, dict):
            value = dict(value)
        if isinstance(key, str):
            tree[key] = value
        else:
            put(tree, key, value)
    return tree


def put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set the value at `path`, making the dicts above it; what is no dict there is replaced by one."""
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[path[-1]] = value


def drop(tree: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove the value at `path`, if there is one."""
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            return
        tree = below
    tree.pop(path[-1], None)
