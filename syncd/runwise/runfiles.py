"""The files of a run directory that a server gets as the run's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from runstore.core.rescued import file_blob
from runstore.syncd.receipts import FileStamp
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.stamps import regular_files, stamp_of


@dataclass(frozen=True)
class Found:
    """A file: its path in the run, where its bytes are, and how it looks now."""

    path: str
    source: Path
    stamp: FileStamp


def files_of(folder: Path, known: Mapping[str, FileStamp], notes: list[str]) -> Iterator[Found]:
    """Yield the files of a run directory in order of path; what can't be sent is noted.

    Only what does not look as in `known` is read. Behind a dead link of stock tools lies a copy, if one was made.
    """
    refused: list[str] = []
    for path in regular_files(folder, FILES, refused):
        yield from _found(path, folder / FILES / path, known, notes)
    for path, copy in _copies(folder):
        refused = [note for note in refused if not note.startswith(f"{FILES}/{path} ")]
        yield from _found(path, copy, known, notes)
    notes += refused


def _found(path: str, source: Path, known: Mapping[str, FileStamp], notes: list[str]) -> Iterator[Found]:
    before = known.get(path)
    try:
        now = source.stat()
        if before and (before.size, before.mtime_ns) == (now.st_size, now.st_mtime_ns):
            yield Found(path, source, before)
        else:
            yield Found(path, source, stamp_of(source, now.st_mtime_ns))
    except FileNotFoundError:  # deleted since it was listed: as if it had never been there
        return
    except OSError as error:
        notes.append(f"{FILES}/{path} can't be read ({error.strerror})")


def _copies(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the paths of dead links, and the copies of what they led to."""
    for place in sorted((folder / FILES).rglob("*")):
        if place.is_symlink() and not place.exists():
            path = place.relative_to(folder / FILES).as_posix()
            copies = (folder / BLOBS / file_blob(recorded) for recorded in dict.fromkeys((path, escape(path))))
            copy = next((copy for copy in copies if copy.is_file()), None)
            if copy is not None:
                yield path, copy
