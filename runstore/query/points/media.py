"""Media values of a history, put together: the entries of their leaves become entries of whole dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from runstore.core.keys import put
from runstore.core.medianames import Path, leaves_in, type_leaf
from runstore.index.placing import Steps
from runstore.query.points.entries import Entries


def united(
    entries: Mapping[str, Entries], min_step: int | None = None, max_step: int | None = None
) -> dict[str, Entries]:
    """Return the entries of a history with one dict for the leaves of a media value, at the steps where it is one.

    Entries of its leaves at other steps, where there is no leaf `_type`, stay as they are, and so do those of a number
    or text under its own key. Of media values only those from `min_step` up to, not including, `max_step` are there.
    """
    found = dict(entries)
    for key, leaves in leaves_in(entries).items():
        if type_leaf(key) in found:  # else all of it is part of an outer value
            _Whole(found, key, leaves, min_step, max_step).unite()
    return found


def asked_for(
    entries: Mapping[str, Entries], keys: Sequence[str], min_step: int | None = None, max_step: int | None = None
) -> dict[str, Entries]:
    """Return the entries of these metrics alone, with dicts for media values, each with all its leaves.

    `entries` are those of `entries_with_leaves`; a metric that has none is left out.
    """
    found = {key: entries[key] for key in keys if key in entries}
    leaves = leaves_in(entries)
    for key in keys:
        if key in leaves:
            own = {name: entries[name] for name in (key, *leaves[key]) if name in entries}
            _Whole(own, key, leaves[key], min_step, max_step).unite()
            if key in own:
                found[key] = own[key]
    return found


class _Whole:
    """One key that has media values, on the way from entries of leaves to entries of dicts."""

    def __init__(
        self,
        found: dict[str, Entries],
        key: str,
        leaves: Mapping[str, Path],
        min_step: int | None,
        max_step: int | None,
    ) -> None:
        self._found, self._key, self._leaves = found, key, leaves
        self._window = min_step, max_step
        self._steps: Steps = found[type_leaf(key)].chosen(*self._window)[0]

    def unite(self) -> None:
        """Put dicts in the place of the leaves."""
        if not len(self._steps):
            return
        values: list[dict[str, Any]] = [{} for _ in range(len(self._steps))]
        for name, path in self._leaves.items():
            if name not in self._found:  # it was part of an outer value wherever it is
                continue
            for place, leaf in self._taken(name):
                if len(path) == 1:
                    values[place][path[0]] = leaf
                else:
                    put(values[place], path, leaf)
        if self._key in self._found:
            self._taken(self._key)
        self._found.setdefault(self._key, Entries()).add(self._steps, values, 0)

    def _taken(self, name: str) -> Iterator[tuple[int, Any]]:
        """Take a metric's entries at these steps away; return the places of their steps, and their values."""
        entries = self._found.pop(name)
        own, which = entries.chosen(*self._window)
        places = np.minimum(np.searchsorted(self._steps, own), len(self._steps) - 1)
        inside = self._steps[places] == own
        values = entries.values(which)
        if not inside.all():
            rest = np.flatnonzero(~inside)
            self._found[name] = Entries([own[rest]], [[values[place] for place in rest.tolist()]], [0])
            places = places[inside]
            values = [values[place] for place in np.flatnonzero(inside).tolist()]
        return zip(places.tolist(), values, strict=True)
