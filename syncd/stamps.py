"""What lies in the folders beside a log, and the digests of it, read again only where a file has changed."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from runstore.paths import is_edit_log_name
from runstore.syncd.receipts import FileStamp
from runstore.syncd.remotes.base import BLOBS, FILES

_READ_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


def regular_files(run: Path, folder: str, notes: list[str]) -> Iterator[str]:
    """Yield the paths of regular files, and of links to such, relative to a folder of a run directory, in order.

    Blobs that are still being written are passed over: they have names of their own until they are whole. What can't
    be sent is noted.
    """
    for where, names, files in os.walk(run / folder):
        names.sort()
        for name in sorted(files):
            path = Path(where, name)
            relative = path.relative_to(run / folder).as_posix()
            if folder == BLOBS and name.startswith("."):
                continue
            if not _is_utf8(relative):
                notes.append(f"{folder}/{relative!a} has a name that is not UTF-8, which can't be sent")
                continue
            try:
                regular = stat.S_ISREG(path.stat().st_mode)
            except FileNotFoundError:
                if not path.is_symlink():  # deleted since it was listed
                    continue
                notes.append(f"{folder}/{relative} is a link that leads nowhere")
                continue
            except OSError as error:
                notes.append(f"{folder}/{relative} is a link that leads nowhere ({error.strerror})")
                continue
            if not regular:
                continue
            if _is_strangers_link(path):
                notes.append(f"{folder}/{relative} is another user's link to what is not that user's, and not followed")
                continue
            yield relative


def _is_strangers_link(path: Path) -> bool:
    """Return whether a link was made by somebody else, to what is not theirs either: they can't have us read that."""
    try:
        link, file = path.lstat(), path.stat()
    except OSError:
        return False  # whoever opens it will see
    return stat.S_ISLNK(link.st_mode) and link.st_uid not in (os.geteuid(), file.st_uid)


def stamps_of(
    run: Path, folder: str, paths: list[str], known: Mapping[str, FileStamp], notes: list[str]
) -> dict[str, FileStamp]:
    """Return the stamp of each file, reading only those whose size or modification time is not the known one."""
    stamps = {}
    for path in paths:
        try:
            now = os.stat(run / folder / path)
            before = known.get(path)
            if before and (before.size, before.mtime_ns) == (now.st_size, now.st_mtime_ns):
                stamps[path] = before
            elif names_its_digest(folder, path):
                stamps[path] = FileStamp(now.st_size, now.st_mtime_ns, path)
            else:
                stamps[path] = stamp_of(run / folder / path, now.st_mtime_ns)
        except FileNotFoundError:  # deleted since it was listed: as if it had never been there
            continue
        except OSError as error:
            notes.append(f"{folder}/{path} can't be read ({error.strerror})")
    return stamps


def names_its_digest(folder: str, path: str) -> bool:
    """Return whether a file is called by its SHA-256, as our own blobs are: the target checks that, so we need not."""
    return folder == BLOBS and _SHA256.fullmatch(path) is not None


def stamp_of(path: Path, mtime_ns: int) -> FileStamp:
    """Read a file and return its stamp.

    The time is from before the reading: a change meanwhile makes this stamp look old, never a newer one right.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return FileStamp(size, mtime_ns, digest.hexdigest())


def bytes_beside(log: Path) -> int:
    """Return how many bytes there are beside a log that are delivered with it; costs a look at each file."""
    total = 0
    for folder in () if is_edit_log_name(log.name) else (FILES, BLOBS):
        for path in regular_files(log.parent, folder, []):
            total += _size(log.parent / folder / path)
    return total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
