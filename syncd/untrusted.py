"""What others may call things: names from a network or a bundle must never choose where we write. No I/O here."""

from __future__ import annotations

import re

from runstore.errors import UsageError
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH = 4096
_LARGEST_SIZE = 1 << 62  # SQLite's integers end at 2**63


def is_digest(text: str) -> bool:
    """Return whether `text` is a SHA-256 in lower-case hex."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(text: object) -> str:
    """Return `text` if it is a SHA-256 in lower-case hex. Raises UsageError otherwise."""
    if not isinstance(text, str) or not is_digest(text):
        raise UsageError(f"{str(text)[:80]!r} is not a SHA-256 in lower-case hex")
    return text


def check_path(text: object) -> str:
    """Return `text` if it is a relative path that stays below its folder. Raises UsageError otherwise."""
    if isinstance(text, str) and 0 < len(text) <= _LONGEST_PATH and "\0" not in text and _is_unicode(text):
        steps = text.split("/")
        if not {"", ".", ".."}.intersection(steps):
            return text
    raise UsageError(f"{str(text)[:80]!r} is not a relative path below the run's files")


def _is_unicode(text: str) -> bool:
    """Return whether `text` can be sent: a file name that is not UTF-8 reaches Python with lone surrogates in it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def check_size(value: object) -> int:
    """Return `value` if it can be a size or an offset in bytes. Raises UsageError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_SIZE:
        raise UsageError(f"{str(value)[:80]!r} is not a number of bytes")
    return value


def check_folder(value: object) -> str:
    """Return the folder that an entry names, "files" where it names none. Raises UsageError for another."""
    if value not in (None, FILES, BLOBS):
        raise UsageError(f"{str(value)[:80]!r} is no folder that is delivered; {FILES!r} and {BLOBS!r} are")
    return str(value or FILES)


def entries_of(body: object) -> list[FileEntry]:
    """Return the entries of {"files": [{"path", "size", "sha256", "folder"}, ...]}. Raises UsageError for a bad one."""
    files = body.get("files") if isinstance(body, dict) else None
    if not isinstance(files, list) or not all(isinstance(item, dict) for item in files):
        raise UsageError('a manifest looks like {"files": [{"path": ..., "size": ..., "sha256": ...}]}')
    return [
        FileEntry(
            check_path(item.get("path")),
            check_size(item.get("size")),
            check_digest(item.get("sha256")),
            check_folder(item.get("folder")),
        )
        for item in files
    ]
