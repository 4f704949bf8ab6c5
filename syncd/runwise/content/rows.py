"""The text of a row as a server takes it: one JSON object, nested keys as nested objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runstore.core.keys import Key, path_of, unflatten
from runstore.runlog import wire

STEP = "_step"
_BARE = re.compile(rb":(?:NaN|-?Infinity)")  # in the place of a number; orjson knows none of them


def text_of(row: Mapping[Key, Any], step: int) -> str:
    """Return the text of a row that was decoded, with this step, whatever it says itself."""
    return wire.dumps({**unflatten(row), STEP: step})


def is_one_line(text: bytes) -> bool:
    """Return whether a text is JSON, bare NaN and infinities included, without a line feed in it."""
    if b"\n" in text:
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
    return True


def are_lines(texts: Sequence[bytes]) -> bool:
    """Return whether all of many texts are such; quicker than one by one, but it may say no where each is."""
    joined = b"[" + b",".join(texts) + b"]"
    if b"\n" in joined:
        return False
    for _ in range(2):
        try:
            orjson.loads(joined)
            return True
        except orjson.JSONDecodeError:
            joined = _BARE.sub(b":null", joined)
    return False


def spelled(name: str) -> bytes:
    """Return a key as JSON."""
    return json.dumps(name, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(frozen=True)
class RowShape:
    """Rows of the same keys: what stands around their values, and in which order these come.

    `order` has the places of the values among the keys, `step` is the place of the step in `order`. They are in the
    order of the keys unless some are nested.
    """

    template: bytes
    order: tuple[int, ...]
    step: int
    is_in_order: bool

    @classmethod
    def of(cls, keys: Sequence[Key]) -> RowShape | None:
        """Return the shape of rows with these keys; None where one is there twice or inside another, or no step is."""
        tree: dict[str, Any] = {}
        for place, key in enumerate(keys):
            *above, name = path_of(key)
            below: Any = tree
            for outer in above:
                below = below.setdefault(outer, {})
                if not isinstance(below, dict):
                    return None
            if name in below:
                return None
            below[name] = place
        if not isinstance(tree.get(STEP), int):
            return None
        order: list[int] = []
        template = _template(tree, order)
        return cls(template, tuple(order), order.index(tree[STEP]), order == sorted(order))


def _template(tree: Mapping[str, Any], order: list[int]) -> bytes:
    parts = []
    for name, below in tree.items():
        if isinstance(below, dict):
            value = _template(below, order)
        else:
            value = b"%b"
            order.append(below)
        parts.append(spelled(name).replace(b"%", b"%%") + b":" + value)
    return b"{" + b",".join(parts) + b"}"
