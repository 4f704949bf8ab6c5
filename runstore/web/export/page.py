"""The HTML file itself: a page of ours with all that it shows, under a policy by which nothing else runs or loads."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError
from runstore.web import shell
from runstore.web.jsontext import as_json

_SCRIPT, _STYLE = "export/page.js", "export/page.css"
# What draws in three dimensions is larger than all the rest, and comes only where there is something to be drawn.
_LIBRARIES = {"object3d": "export/stage.js", "molecule": "export/molecules.js"}
_PAGES = "html"
_END_OF_SCRIPT = re.compile(r"</(script|style)|<!--", re.IGNORECASE)


def html_page(title: str, data: Mapping[str, Any], kinds: Container[str] = ()) -> bytes:
    """Return a page that shows `data`, UTF-8; `kinds` are those of the media in it, which say what it needs.

    Raises RunstoreError, saying what to type, where no page was built.
    """
    style = _built(_STYLE)
    scripts = [_built(name) for kind, name in _LIBRARIES.items() if kind in kinds] + [_built(_SCRIPT)]
    nonce = secrets.token_urlsafe(16) if _PAGES in kinds else ""
    policy = _policy(scripts, style, nonce)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This page draws its charts by JavaScript, which is off.</noscript>
<script type="application/json" id="data">{_inert({**data, "nonce": nonce})}</script>
{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
""".encode()


def _policy(scripts: Sequence[str], style: str, nonce: str) -> str:
    """Return by what is allowed what runs and loads: our own scripts, and pictures that are in the file.

    A page that was logged is in a frame without an origin, and under this policy as well as one of its own. So that
    its scripts and styles are obeyed there, they are given a nonce that nobody could know before; nothing of what was
    logged ever comes to stand outside of such a frame.
    """
    own = f"'nonce-{nonce}'" if nonce else ""
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(filter(None, [*map(_digest, scripts), own])),
        "style-src": f"{_digest(style)} {own}".strip(),
        **({"style-src-attr": "'unsafe-inline'", "font-src": "data:"} if nonce else {}),
        "img-src": "data: blob:",
        "media-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def is_built() -> bool:
    """Whether there is a page to put data into."""
    return (shell.STATIC / _SCRIPT).is_file()


def _built(name: str) -> str:
    path: Path = shell.STATIC / name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunstoreError(shell.NOT_BUILT) from None
    # Inside of strings, which is the only place for these, the backslash changes nothing.
    return _END_OF_SCRIPT.sub(lambda found: found[0].replace("/", "\\/").replace("!", "\\!"), text).strip()


def _inert(data: Mapping[str, Any]) -> str:
    """Return JSON that no parser of HTML takes for anything else, whatever is in it."""
    return as_json(data).decode().replace("<", "\\u003c")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
