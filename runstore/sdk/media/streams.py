"""What media of files and streams have in common: which file it is, and of what kind."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from runstore.sdk.media.base import WrongMedia


def path_of(source: Any) -> str | None:
    """Return the path that `source` is, or, for an open file, that it was opened by; None for anything else."""
    if isinstance(source, (str, PurePath)):
        return str(source)
    name = getattr(source, "name", None)
    return str(name) if hasattr(source, "read") and isinstance(name, (str, PurePath)) else None


def known_ending(path: str, endings: Iterable[str], kind: str) -> str:
    """Return which of `endings` the path has, without its dot; raises WrongMedia if it has none of them."""
    for ending in sorted(endings):
        if path.endswith(f".{ending}"):
            return ending
    raise WrongMedia(f"{os.path.basename(path)} is no file that {kind} takes; it takes {', '.join(sorted(endings))}")


def text_of(stream: Any, file_type: str | None, endings: Iterable[str], kind: str) -> tuple[bytes, str]:
    """Return all bytes of a stream, which may hold text, and its type; raises WrongMedia where that isn't known."""
    if file_type is None or file_type not in endings:
        raise WrongMedia(
            f"{kind} of a stream needs its `file_type`, one of {', '.join(sorted(endings))}, not {file_type!r}"
        )
    if hasattr(stream, "seek"):
        stream.seek(0)
    data = stream.read()
    if not isinstance(data, (bytes, str)):
        raise WrongMedia(f"a stream for {kind} must hold text or bytes, not {type(data).__name__}")
    return data.encode("utf-8", "replace") if isinstance(data, str) else data, file_type
