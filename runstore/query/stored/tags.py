"""Tags of a run, changed."""

from __future__ import annotations

from collections.abc import Iterable


def retagged(tags: Iterable[str], add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
    """Return the tags with some more and some less, each once, in their order; what is in both is removed."""
    gone = set(remove)
    return [tag for tag in dict.fromkeys([*tags, *add]) if tag not in gone]
