"""The files beside a log, delivered by content: what the target has already is never sent again.

Digests are kept in the receipt with the file's size and modification time, so that an unchanged file is not even read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runstore.errors import RemoteConflict
from runstore.syncd.receipts import FileStamp
from runstore.syncd.remotes.base import FileEntry, Remote

# A file that is being written can change between its digest and its sending: once is tried again, more is left to the
# next delivery, which will come after the writer is done.
_ATTEMPTS = 2
_READ_BYTES = 1 << 20


@dataclass
class FilesDelivered:
    """What became of the files: `held` are those that the target proved to hold, `notes` say why others are not."""

    held: dict[str, FileStamp] = field(default_factory=dict)
    sent: int = 0
    bytes_sent: int = 0
    notes: list[str] = field(default_factory=list)


def deliver_files(
    folder: Path,
    log_id: str,
    known: Mapping[str, FileStamp],
    remote: Remote,
    done: FilesDelivered,
    progress: Callable[[int], None],
) -> None:
    """Bring every regular file below `folder` to `remote`, and note in `done` what the target holds as soon as it does.

    `known` are the stamps of an earlier delivery; `progress` gets the size of each file that was sent.
    Files that can't be read, broken links and files that keep changing are noted, and do not keep others back.
    """
    waiting = list(_regular_files(folder, done.notes))
    for _ in range(_ATTEMPTS):
        stamps = _stamps(folder, waiting, known, done.notes)
        waiting = _deliver(folder, log_id, stamps, remote, done, progress)
        if not waiting:
            return
        known = {}
    done.notes += [f"files/{path} changed while it was sent; the next delivery tries again" for path in waiting]


def _deliver(
    folder: Path,
    log_id: str,
    stamps: Mapping[str, FileStamp],
    remote: Remote,
    done: FilesDelivered,
    progress: Callable[[int], None],
) -> list[str]:
    """Send the manifest and what is missing of it; return the paths whose bytes were others by then."""
    entries = [FileEntry(path, stamp.size, stamp.sha256) for path, stamp in stamps.items()]
    missing = remote.missing_files(log_id, entries) if entries else set()
    # What the target holds goes first into the books: sending the rest may break off at any file.
    done.held.update((path, stamp) for path, stamp in stamps.items() if stamp.sha256 not in missing)
    changed = []
    for path, stamp in stamps.items():
        if stamp.sha256 in missing:  # of two files with the same bytes the first brings both
            try:
                remote.put_file(stamp.sha256, folder / path)
            except (RemoteConflict, OSError):  # OSError: the file is gone, or can't be read any more
                changed.append(path)
                continue
            missing.discard(stamp.sha256)
            done.sent += 1
            done.bytes_sent += stamp.size
            progress(stamp.size)
        done.held[path] = stamp
    return changed


def _stamps(folder: Path, paths: list[str], known: Mapping[str, FileStamp], notes: list[str]) -> dict[str, FileStamp]:
    """Return the stamp of each file, reading only those whose size or modification time is not the known one."""
    stamps = {}
    for path in paths:
        try:
            now = os.stat(folder / path)
            before = known.get(path)
            if before and (before.size, before.mtime_ns) == (now.st_size, now.st_mtime_ns):
                stamps[path] = before
            else:
                stamps[path] = _stamp(folder / path, now.st_mtime_ns)
        except FileNotFoundError:  # deleted since it was listed: as if it had never been there
            continue
        except OSError as error:
            notes.append(f"files/{path} can't be read ({error.strerror})")
    return stamps


def _stamp(path: Path, mtime_ns: int) -> FileStamp:
    # The time is from before the reading: a change meanwhile makes this stamp look old, never a newer one right.
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return FileStamp(size, mtime_ns, digest.hexdigest())


def _regular_files(folder: Path, notes: list[str]) -> Iterator[str]:
    """Yield the paths of regular files, and of links to such, relative to `folder`, in order."""
    for where, names, files in os.walk(folder):
        names.sort()
        for name in sorted(files):
            path = Path(where, name)
            relative = path.relative_to(folder).as_posix()
            if not _is_utf8(relative):
                notes.append(f"files/{relative!a} has a name that is not UTF-8, which can't be sent")
                continue
            try:
                regular = stat.S_ISREG(path.stat().st_mode)
            except OSError as error:
                notes.append(f"files/{relative} is a link that leads nowhere ({error.strerror})")
                continue
            if regular:
                yield relative


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
