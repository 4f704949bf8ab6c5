"""As what bytes of a run are shown: a closed list, by the name's ending. Whatever is not in it is a download.

A browser must never run what a training program logged as if it were ours. What can hold scripts, HTML and SVG, is
shown only where it was asked for as such, under a policy that takes its origin and every request from it.
"""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import quote

from runstore.web.tickets import Way

_DOWNLOAD = "application/octet-stream"
_SVG = ".svg"
_HTML = (".html", ".htm")
_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
}
_SHOWN = {
    **_PICTURES,
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".mov": "video/quicktime",
}
_WORDS = ("txt", "log", "md", "rst", "csv", "tsv", "patch", "diff")
_SETTINGS = ("json", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "lock")
_SOURCES = ("py", "pyi", "ipynb", "sh", "c", "h", "cc", "cpp", "cu", "rs", "go", "java", "js", "ts", "css", "sql")
_SCENES = ("pdb", "mol", "sdf", "xyz", "obj", "gltf")
_TEXTS = frozenset(f".{ending}" for ending in (*_WORDS, *_SETTINGS, *_SOURCES, *_SCENES))

# An SVG as a picture may have styles of its own; a frame may run what is written in it, and load nothing.
_SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_FRAME_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: data:; style-src 'unsafe-inline';"
    " img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)


class Shown(NamedTuple):
    """How bytes are answered."""

    media_type: str
    headers: dict[str, str]


def shown_as(name: str, as_: Way) -> Shown:
    """Return how a file of this name is answered where it was asked for in this way."""
    ending = os.path.splitext(name)[1].lower()
    if as_ == "image" and ending == _SVG:
        return Shown("image/svg+xml", {"Content-Security-Policy": _SVG_POLICY})
    if as_ == "frame" and ending in _HTML:
        return Shown("text/html; charset=utf-8", {"Content-Security-Policy": _FRAME_POLICY})
    if as_ in ("file", "image") and ending in _SHOWN:
        return Shown(_SHOWN[ending], {})
    if as_ == "file" and ending in _TEXTS:
        return Shown("text/plain; charset=utf-8", {})
    return Shown(_DOWNLOAD, {"Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(name)}"})


def _quoted(name: str) -> str:
    return quote(os.fsencode(name).decode("utf-8", "replace"), safe="")
