"""Where the bytes of runs lie, and how they are opened so that nothing else can be read through a run.

A run directory may be somebody else's, and may hold anything: links to files of whoever looks at it, devices, pipes
that hang. So a path is followed to its end first, and must still be inside; then it is opened once more from the run
directory on, folder by folder, with no link followed at all. Whoever changes a folder meanwhile gets a refusal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from runstore.core.rescued import file_blob
from runstore.errors import NotFound
from runstore.index.rescue.lost import NotKept
from runstore.query.artifacts.registry import Entry, Registry, Version
from runstore.query.artifacts.whereabouts import Whereabouts, whereabouts_here
from runstore.query.stored.run import StoredRun

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = _FILE | os.O_DIRECTORY

MOST_ENTRIES = 100_000  # of a run directory that are looked at; more than any program leaves there


class Kept(NamedTuple):
    """One file of a run: its path below `files`, bytes, and when it was last written, seconds since the epoch."""

    path: str
    size: int
    changed_at: float


class Places(Protocol):
    """What pages ask about files of runs. Called from several threads."""

    def open(self, run: StoredRun, kind: str, path: str) -> BinaryIO:
        """Return an open regular file: "files" and a path below it, or "blobs" and a name. Raises NotFound."""
        ...

    def files(self, run: StoredRun) -> list[Kept]:
        """Return what there is to be opened as "files", in order of path."""
        ...

    def missing(self, run: StoredRun) -> list[NotKept]:
        """Return what the run's logs name that is not to be opened, and why."""
        ...

    def of_artifact(self, known: Registry, version: Version, entries: Sequence[Entry]) -> list[Whereabouts]:
        """Return where the bytes of these entries of a version are, as far as can be told without opening any."""
        ...


class RunDirectories:
    """The run directories of this machine."""

    def open(self, run: StoredRun, kind: str, path: str) -> BinaryIO:
        """Return an open file; of files of one path in several directories, the one of the latest."""
        for folder in _folders(run):
            for where, name in _candidates(kind, path):
                opened = open_inside(folder, f"{where}/{name}")
                if opened is not None:
                    return opened
        raise NotFound(f"run {run.id} has no {'file' if kind == 'files' else 'blob'} {path!r} in its run directory")

    def files(self, run: StoredRun) -> list[Kept]:
        """Return all files that can be opened."""
        found: dict[str, Kept] = {}
        for folder in _folders(run):
            for path in _names_below(folder / "files"):
                status = None if path in found else _status(folder, path)
                if status is not None:
                    found[path] = Kept(path, status.st_size, status.st_mtime)
        return [found[path] for path in sorted(found)]

    def missing(self, run: StoredRun) -> list[NotKept]:
        """Return what is not in the run's directories."""
        return run.not_kept()

    def of_artifact(self, known: Registry, version: Version, entries: Sequence[Entry]) -> list[Whereabouts]:
        """Return where entries are, by what is here now."""
        return whereabouts_here(known, version, entries)


def open_inside(folder: Path, path: str) -> BinaryIO | None:
    """Return the regular file at `path` below `folder`, or None where there is none, or it is only linked from there.

    Links are followed as long as they stay in the first folder of `path`, `files` or `blobs`.
    """
    parts = path.split("/")
    if len(parts) < 2 or any(part in ("", ".", "..") or "\0" in part for part in parts):
        return None
    try:
        real = os.path.realpath(os.path.join(folder, path), strict=True)
        top = os.path.join(os.path.realpath(folder, strict=True), parts[0])
        if not real.startswith(f"{top}/"):
            return None
        return _opened_without_links(folder, [parts[0], *real[len(top) + 1 :].split("/")])
    except OSError:
        return None


def read_begin(file: BinaryIO, size: int) -> bytes:
    """Return the first bytes of a file that is read without a buffer: one call may return fewer.

    As many as it had when it was looked at, and no more: somebody may write on without an end.
    """
    content = bytearray()
    while len(content) < size and (piece := file.read(min(1 << 20, size - len(content)))):
        content += piece
    return bytes(content)


def _opened_without_links(folder: Path, parts: Sequence[str]) -> BinaryIO | None:
    """Open folder by folder; raises OSError where one of them is, by now, a link."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        opened = os.open(parts[-1], _FILE, dir_fd=at)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        return None
    return os.fdopen(opened, "rb", buffering=0)


def _folders(run: StoredRun) -> Iterator[Path]:
    """Yield the run's directories, the one that was begun last first."""
    yield from dict.fromkeys(Path(log).parent for log in reversed(run.logs))


def _candidates(kind: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield where a file may be: of what stock tools only linked to, a copy may be held among the blobs."""
    yield kind, path
    if kind == "files":
        yield "blobs", file_blob(path)


def _status(folder: Path, path: str) -> os.stat_result | None:
    """Return what is known of a file below `files`; None for what can't be opened. Only links take a look at more."""
    try:
        status = os.lstat(folder / "files" / path)
    except OSError:
        return None
    if stat.S_ISREG(status.st_mode):
        return status
    if not stat.S_ISLNK(status.st_mode):
        return None
    for where, name in _candidates("files", path):
        opened = open_inside(folder, f"{where}/{name}")
        if opened is not None:
            with opened:
                return os.fstat(opened.fileno())
    return None


def _names_below(folder: Path) -> Iterator[str]:
    """Yield the names of what is in a folder, and below it; none of a folder that is only linked from there.

    Without recursion, and not for ever: hostile folders are deep, and full.
    """
    left, entries = ([] if folder.is_symlink() else [""]), 0
    while left and entries < MOST_ENTRIES:
        below = left.pop()
        try:
            with os.scandir(folder / below) as found:
                for entry in islice(found, MOST_ENTRIES - entries):
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        left.append(f"{below}{entry.name}/")
                    elif not (entry.name.endswith(".part") and entry.name.startswith(".")):  # one that is being written
                        yield below + entry.name
        except OSError:  # gone, not ours to read, or deeper than a path reaches
            continue
