"""The packages that a program can import: what a run's requirements.txt lists.

In folders, where nearly all of them are, they are looked up here: importing `importlib.metadata` would take four times
as long as reading a hundred of them. It is asked where the import path holds something else, such as a zip file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import PathFinder

_HEAD_BYTES = 4096  # of metadata, in which name and version stand; behind them come long descriptions


def requirements() -> str:
    """Return a line `name==version` for each installed distribution, in the order of the import path.

    A distribution whose metadata can't be read is left out. Reads two lines of each one's metadata: some milliseconds
    for a hundred.
    """
    lines = [f"{name}=={version}\n" for name, version in map(_named, _metadata()) if name and version]
    return "".join(lines)


def _metadata() -> Iterator[str]:
    """Yield the metadata of each distribution, as far as it can be read."""
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        yield from _metadata_of(None)
        return
    for folder in sys.path:
        if os.path.isfile(folder):
            yield from _metadata_of(folder)
        else:
            yield from _metadata_in(folder or ".")


def _metadata_in(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:  # many an import path names folders that are not there
        return
    for name in names:
        if name.lower().endswith((".dist-info", ".egg-info")):
            for file in ("METADATA", "PKG-INFO"):
                with suppress(OSError, UnicodeError):
                    yield _head(os.path.join(folder, name, file))
                    break


def _head(path: str) -> str:
    """Return the lines that a file begins with. Raises OSError and UnicodeError."""
    file = os.open(path, os.O_RDONLY)  # a third of what a text file costs, for each of some hundred packages
    try:
        head = os.read(file, _HEAD_BYTES)
    finally:
        os.close(file)
    return (head if len(head) < _HEAD_BYTES else head[: head.rfind(b"\n")]).decode("utf-8")


def _metadata_of(file: str | None) -> Iterator[str]:
    """Yield the metadata of what `importlib.metadata` finds in one entry of the import path, or in all."""
    from importlib.metadata import distributions

    for distribution in distributions() if file is None else distributions(path=[file]):
        # Not through `.metadata`, which parses the whole of it, the long description included.
        with suppress(OSError, UnicodeError):
            yield distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""


def _named(metadata: str) -> tuple[str, str]:
    """Return the name and the version that metadata gives, "" for what it lacks."""
    head: dict[str, str] = {}
    for line in metadata.splitlines():
        if not line:
            break
        key, colon, value = line.partition(":")
        if colon and key in ("Name", "Version"):
            head.setdefault(key, value.strip())
        if len(head) == 2:
            break
    return head.get("Name", ""), head.get("Version", "")
