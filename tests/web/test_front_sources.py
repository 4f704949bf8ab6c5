"""What the sources of the pages never do, whatever a browser's policy would still forbid: read from their text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import runstore.web

SOURCES = Path(runstore.web.__file__).parent / "front" / "src"
# Ways in which a text becomes elements or a program. What a run logged is text, and becomes text nodes alone.
_MAKES_HTML = re.compile(
    r"dangerouslySetInnerHTML|\b(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function\("
    r"|createContextualFragment|setTimeout\(\s*[\"'`]"
)
_IFRAME = re.compile(r"<iframe\b(?:[^>]|=>)*>")


def sources() -> list[Path]:
    """Return all modules of the pages."""
    return [path for path in sorted(SOURCES.rglob("*.ts*")) if not path.name.endswith(".d.ts")]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_no_text_becomes_elements_or_a_program(path: Path) -> None:
    assert not _MAKES_HTML.search(path.read_text(encoding="utf-8"))


def test_every_frame_is_a_sandbox_that_has_no_origin() -> None:
    frames = [(path.name, tag) for path in sources() for tag in _IFRAME.findall(path.read_text(encoding="utf-8"))]
    assert len(frames) >= 4
    for name, tag in frames:
        assert re.findall(r'\bsandbox="([^"]*)"', tag) == ["allow-scripts"], (name, tag)
        assert "allow=" not in tag, (name, tag)


def test_no_address_is_of_another_server() -> None:
    """Links that people follow are the exception: what runs logged as such, and W3C's names of XML."""
    for path in sources():
        text = re.sub(r"https?://(www\.w3\.org/|[\w-]+\.example\b)", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"""["'`]https?://[\w.-]+\.[a-z]""", text), path
