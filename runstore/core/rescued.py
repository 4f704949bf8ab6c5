"""Names of what was brought into a run directory afterwards: in its folder `blobs`, by what the log says alone.

Stock tools leave the bytes of artifacts and saved files where they were. Once copied, they lie under these names, so
that they are found again without an index: an artifact's file by its digest (`md5-<hexadecimal>`), a file of `files`
by its path there (`file-<SHA-256 of the path>`), the list of an artifact's files that is too long for a record by the
path that the record names (`list-<SHA-256 of the path>`).
"""

from __future__ import annotations

import binascii
import hashlib
import re
from pathlib import PurePosixPath

from runstore.core.manifest import MD5, hex_of

_DIGEST_LETTERS = 32  # of MD5 and XXH128 alike
_ESCAPED = re.compile(r"\[([*?[])\]")


def entry_blob(digest: str, algorithm: str = MD5) -> str | None:
    """Return the name for an artifact's file with this digest, base64; None for what is no digest of bytes."""
    try:
        letters = hex_of(digest)
    except (binascii.Error, ValueError):
        return None
    return f"{algorithm.lower()}-{letters}" if len(letters) == _DIGEST_LETTERS else None


def file_blob(path: str) -> str:
    """Return the name for the file at `path`, relative to `files`."""
    return f"file-{hashlib.sha256(path.encode('utf-8', 'replace')).hexdigest()}"


def list_blob(path: str) -> str:
    """Return the name for the list of an artifact's files that a record says is at `path`."""
    whole = str(PurePosixPath(path))
    return f"list-{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()}"


def saved_path(recorded: str) -> str:
    """Return the path below `files` that a record means: some versions escape what glob patterns are made of."""
    return _ESCAPED.sub(r"\1", recorded)
