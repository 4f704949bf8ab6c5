"""Text in columns for a terminal; quick enough for tens of thousands of rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

_BETWEEN = "  "


def aligned(rows: Iterable[Sequence[Any]], headers: Sequence[str]) -> str:
    """Return a header line and the rows below it, each column as wide as its widest cell; a row is one line."""
    columns = [_column(cells) for cells in zip(headers, *rows, strict=True)]
    return "\n".join(map(str.rstrip, map(_BETWEEN.join, zip(*columns, strict=True))))


def _column(cells: Sequence[Any]) -> list[str]:
    texts = list(map(str, cells))
    together = "".join(texts)
    if not together.isprintable():
        texts = list(map(printable, texts))
    if together.isascii():
        return list(map(str.ljust, texts, repeat(max(map(len, texts)))))
    widths = list(map(width_of, texts))
    widest = max(widths)
    return [text + " " * (widest - width) for text, width in zip(texts, widths, strict=True)]


def printable(text: str, kept: str = "") -> str:
    """Return a text with spaces for what would break its line, or tell the terminal to do something."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in kept else " " for character in text)


def width_of(text: str) -> int:
    """Return how many columns a terminal needs: two for East Asian characters and emoji, none for accents."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
