"""Html: pages and fragments of HTML."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import StoredFolder, WrongMedia
from runstore.sdk.media.onefile import FileMedia

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

# Byte for byte what W&B's library injects, so that equal pages have equal digests: links open outside the panel.
_INJECTED = '<base target="_blank"><link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'


class Html(FileMedia):
    """A page or a fragment of one."""

    log_type = "html-file"
    folder = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        """Take HTML as text, a stream of it, or the path of a file that ends in .html.

        With `inject`, a style sheet and a target for links are put into its head. With `data_is_not_path`, text is
        never taken for a path. Raises WrongMedia for anything else, OSError for a file that can't be read.
        """
        super().__init__()
        path = None if data_is_not_path else _path_of(data)
        self.html = _text_of(data if path is None else path)
        if inject:
            self.inject_head()
        if inject or path is None:
            self._from_bytes(self.html.encode("utf-8", "replace"), "html")
        else:
            self._from_path(path)

    def inject_head(self) -> None:
        """Put a style sheet and a target for links into the head."""
        for mark, before, after in (("<head>", "<head>", ""), ("<html>", "<html><head>", "</head>")):
            if mark in self.html:
                start, rest = self.html.split(mark, 1)
                self.html = f"{start}{before}{_INJECTED}{after}{rest}".strip()
                return
        self.html = f"{_INJECTED}{self.html}".strip()

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        self.html = self._content().decode("utf-8", "replace")

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        return {"_type": "html", "count": len(items), "html": [page._json() for page in items]}


def _path_of(data: Any) -> Path | None:
    """Return the path of a file that `data` names; None where it doesn't."""
    if not isinstance(data, (str, PurePath)) or os.path.splitext(data)[1] != ".html":
        return None
    try:
        return Path(data) if os.path.isfile(data) else None
    except ValueError:  # text with a NUL in it
        return None


def _text_of(data: Any) -> str:
    if isinstance(data, Path):
        return data.read_text(encoding="utf-8")
    if hasattr(data, "read"):
        if hasattr(data, "seek"):
            data.seek(0)
        data = data.read()
    if isinstance(data, bytes):
        return data.decode("utf-8", "replace")
    if not isinstance(data, str):
        raise WrongMedia(f"Html takes text, a path or a stream, not {type(data).__name__}")
    return data
