"""Names of files as answers hold them: JSON holds texts, and a name is bytes, which need not be one.

A name that is UTF-8 stands for itself. Any other is shown with its odd bytes escaped, `caf\\xe9.txt`, and asked for by
all of its bytes, `bytes:caf%E9.txt`.
"""

from __future__ import annotations

import os
from urllib.parse import quote, unquote_to_bytes

_AS_BYTES = "bytes:"


def shown_name(path: str) -> str:
    """Return what people read."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def name_ref(path: str) -> str:
    """Return what `parse_name_ref` takes for this path, and for no other."""
    if shown_name(path) == path and not path.startswith(_AS_BYTES):
        return path
    return _AS_BYTES + quote(os.fsencode(path), safe="/")


def parse_name_ref(ref: str) -> str:
    """Return the path that a reference means."""
    return os.fsdecode(unquote_to_bytes(ref.removeprefix(_AS_BYTES))) if ref.startswith(_AS_BYTES) else ref
