"""Which keys of a run hold media, at which steps, and the value at one step.

A run may have logged millions of them (a histogram of each layer at each step), so nothing here reads more than what
is asked for: names are found by leaps over the index, a value by its step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from runstore.core.keys import dotted
from runstore.core.medianames import media_in, type_leaf
from runstore.index.pieces import lineage_of
from runstore.index.placing import Steps, open_row
from runstore.query.points.entries import Entries, entries_of, entries_with_leaves
from runstore.query.points.media import asked_for

LIST = "list"  # the type of a key whose values are lists of media, as those of several tables logged together
_TYPE = type_leaf("")
_TYPE_KEY = _TYPE[1:]  # as a dict of a media value has it
# How the texts begin that are looked into for media in lists: what is longer was not made by any tool that is known.
_LIST_BEGINS = '[{"'

_NEXT_KEY = "SELECT min(key) FROM history_values WHERE log = ? AND key > ?"
_FIRST_VALUE = "SELECT value FROM history_values WHERE log = ? AND key = ? LIMIT 1"


class MediaValue(NamedTuple):
    """One value of a key: `step` is None for one that is in the summary alone; `value` a dict, or a list of them."""

    step: int | None
    value: Any


def media_keys(connection: sqlite3.Connection, run: int, summary: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the keys of a run that hold media, in order, with the type that each had first, such as `image-file`.

    Those that only `summary` holds are among them. Costs a few reads of the index for each key, whatever the number
    of steps.
    """
    types: dict[str, str] = {}
    for piece in lineage_of(connection, run):
        for key, kind in _types_in(connection, piece.log):
            types.setdefault(key, kind)
    outer = _outermost(types)
    for key, value in _in_summary(summary or {}):
        outer.setdefault(key, str(value[_TYPE_KEY]))
    return dict(sorted(outer.items()))


def media_steps(connection: sqlite3.Connection, run: int, key: str) -> Steps:
    """Return the steps, int64 (n,), in order, at which a key holds media."""
    entries = entries_of(connection, run, [type_leaf(key)]).get(type_leaf(key))
    if entries is None:
        entries = entries_of(connection, run, [key]).get(key, Entries())
    return entries.chosen()[0]


def media_at(connection: sqlite3.Connection, run: int, key: str, step: int) -> MediaValue | None:
    """Return what a key holds at this very step; None where it holds no media there."""
    window = step, step + 1
    entries = asked_for(entries_with_leaves(connection, run, [key], *window), [key], *window)
    if key not in entries:
        return None
    _, which = entries[key].chosen(*window)
    values = entries[key].values(which)
    return MediaValue(step, values[-1]) if values and is_media(values[-1]) else None


def media_in_summary(summary: Mapping[str, Any], key: str) -> MediaValue | None:
    """Return what a summary holds under a key; None where that is no media."""
    return next((MediaValue(None, value) for name, value in _in_summary(summary) if name == key), None)


def is_media(value: object) -> bool:
    """Whether a value stands for media, or a list for several."""
    if isinstance(value, list):
        return any(isinstance(item, dict) and _TYPE_KEY in item for item in value)
    return isinstance(value, dict) and _TYPE_KEY in value


def without_media(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary without the media in it, nor what held nothing else: what is left are numbers and texts."""
    found = {}
    for key, value in tree.items():
        inner = without_media(value) if isinstance(value, dict) and not is_media(value) else value
        if not is_media(inner) and (inner or not value):
            found[key] = inner
    return found


def _types_in(connection: sqlite3.Connection, log: int) -> Iterator[tuple[str, str]]:
    """Yield names of one log that hold media, inner ones too, and their types."""
    for name in _names(connection, log):
        if name.endswith(_TYPE):
            text = connection.execute(_FIRST_VALUE, (log, name)).fetchone()[0]
            yield name[: -len(_TYPE)], text.strip('"')
        elif _holds_media_list(connection, log, name):
            yield name, LIST
    for key, value in open_row(connection, log)[1].items():
        name = dotted(key)
        if name.endswith(_TYPE):
            yield name[: -len(_TYPE)], str(value)
        elif isinstance(value, list) and is_media(value):
            yield name, LIST


def _names(connection: sqlite3.Connection, log: int) -> Iterator[str]:
    """Yield each name once: by leaps, since there may be a million rows of each."""
    name = ""
    while (found := connection.execute(_NEXT_KEY, (log, name)).fetchone()[0]) is not None:
        name = found
        yield name


def _holds_media_list(connection: sqlite3.Connection, log: int, name: str) -> bool:
    query = "SELECT substr(value, 1, 3) FROM history_values WHERE log = ? AND key = ? LIMIT 1"
    if connection.execute(query, (log, name)).fetchone()[0] != _LIST_BEGINS:
        return False
    try:
        return is_media(orjson.loads(connection.execute(_FIRST_VALUE, (log, name)).fetchone()[0]))
    except orjson.JSONDecodeError:  # NaN in it: numbers of dicts, no media
        return False


def _outermost(types: Mapping[str, str]) -> dict[str, str]:
    """Return those that are no part of others: the masks of a picture are parts of it."""
    found: dict[str, str] = {}
    for key in media_in(key + _TYPE for key in types):
        parts = key.split(".")
        if not any(".".join(parts[:count]) in found for count in range(1, len(parts))):
            found[key] = types[key]
    return found


def _in_summary(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            if isinstance(value.get(_TYPE_KEY), str):
                yield above + key, value
            else:
                yield from _in_summary(value, f"{above}{key}.")
