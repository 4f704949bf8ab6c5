"""What tells two versions apart: values of their metadata, and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from runstore.query.artifacts.contents import Entry
from runstore.query.filtering.fields import flat

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class Changed(NamedTuple):
    """A value of the metadata, or a file, that is not the same in both: `how` is added, removed or changed.

    `before` and `after` are the values, or the sizes in bytes; None where one of the versions has none.
    """

    name: str
    how: str
    before: Any
    after: Any


@dataclass(frozen=True)
class VersionDifference:
    """What is another in the second version than in the first, in order of name; `same_files` are alike in both."""

    metadata: list[Changed]
    files: list[Changed]
    same_files: int


def difference(
    metadata: tuple[Mapping[str, Any], Mapping[str, Any]], entries: tuple[Iterable[Entry], Iterable[Entry]]
) -> VersionDifference:
    """Return what came, went and changed from the first of each pair to the second; files are compared by digest."""
    before, after = (flat(tree) for tree in metadata)
    files_before, files_after = ({entry.path: entry for entry in some} for some in entries)
    digests = [
        {path: (entry.digest, entry.ref) for path, entry in some.items()} for some in (files_before, files_after)
    ]
    changed = [
        Changed(
            path, how, *(None if some.get(path) is None else some[path].size for some in (files_before, files_after))
        )
        for path, how in _changes(*digests)
    ]
    values = [Changed(name, how, before.get(name), after.get(name)) for name, how in _changes(before, after)]
    same = sum(digests[1].get(path) == digest for path, digest in digests[0].items())
    return VersionDifference(values, changed, same)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names of what is not the same, and how it changed. 1 and True differ; NaN is the same as NaN."""
    found = [(name, ADDED) for name in after.keys() - before.keys()]
    found += [(name, REMOVED) for name in before.keys() - after.keys()]
    both = before.keys() & after.keys()
    found += [(name, CHANGED) for name in both if not _same(before[name], after[name])]
    return sorted(found)


def _same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)
