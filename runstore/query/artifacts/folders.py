"""What is in a version, folder by folder: of 100,000 files nobody wants to see all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runstore.query.artifacts.contents import Entry


class Folder(NamedTuple):
    """A folder of a version, with all that is below it: how many entries, and their bytes."""

    name: str
    files: int
    size: int


class Listing(NamedTuple):
    """What lies directly in one folder, each in order of name; `files` and `size` are of all that is below it."""

    folders: list[Folder]
    entries: list[Entry]
    files: int
    size: int


def listing(entries: Iterable[Entry], folder: str = "") -> Listing:
    """Return what lies directly in `folder`, a path inside the version without a slash at its end; "" is the top."""
    front = f"{folder}/" if folder else ""
    here: list[Entry] = []
    below: dict[str, list[int]] = {}
    for entry in entries:
        if not entry.path.startswith(front):
            continue
        name, slash, _ = entry.path[len(front) :].partition("/")
        if slash:
            below.setdefault(name, []).append(entry.size)
        else:
            here.append(entry)
    folders = [Folder(name, len(sizes), sum(sizes)) for name, sizes in sorted(below.items())]
    files, size = len(here) + sum(one.files for one in folders), sum(entry.size for entry in here)
    return Listing(folders, sorted(here, key=lambda entry: entry.path), files, size + sum(one.size for one in folders))


def containing(entries: Iterable[Entry], text: str) -> Sequence[Entry]:
    """Return the entries with `text` in their paths, in any case of letters, in order of path."""
    wanted = text.casefold()
    return sorted((entry for entry in entries if wanted in entry.path.casefold()), key=lambda entry: entry.path)
