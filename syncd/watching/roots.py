"""The folders that a daemon watches, and what in them it leaves alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Root:
    """A folder whose runs are watched, however deep they lie.

    `ignore` are patterns in .gitignore's simple form: one without a slash names files and folders anywhere, one with
    a slash a path from the root on; `*` and `?` stop at a slash, `**` does not. What lies in an ignored folder is
    ignored, too.
    """

    path: Path
    ignore: tuple[str, ...] = ()

    def ignores(self, path: str) -> bool:
        """Return whether a path below the root, given in full, is to be left alone."""
        if not self.ignore:
            return False
        inside = os.path.relpath(path, self.path)
        return inside != "." and _expression(self.ignore).match(inside) is not None


class Roots:
    """Several roots, one perhaps inside of another: each path belongs to the innermost one."""

    def __init__(self, roots: Iterable[Root]) -> None:
        self.all = list({root.path: root for root in roots}.values())  # given twice: the last one counts
        innermost = sorted(self.all, key=lambda root: len(root.path.parts), reverse=True)
        self._fronts = [(str(root.path), str(root.path).rstrip("/") + "/", root) for root in innermost]

    def of(self, path: str) -> Root | None:
        """Return the root that `path` belongs to; None where it lies below none."""
        for whole, front, root in self._fronts:
            if path == whole or path.startswith(front):
                return root
        return None

    def cover(self, path: str) -> bool:
        """Return whether a path lies below a root, and is not ignored there."""
        root = self.of(path)
        return root is not None and not root.ignores(path)

    def inside(self, root: Root) -> frozenset[str]:
        """Return the paths of the other roots that lie below this one."""
        front = str(root.path).rstrip("/") + "/"
        return frozenset(whole for whole, _, other in self._fronts if other != root and whole.startswith(front))


@lru_cache(maxsize=64)
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches a relative path of which the beginning, up to a slash or its end, fits a pattern."""
    return re.compile("(?:" + "|".join(map(_translated, patterns)) + ")(?:/|$)", re.DOTALL)


def _translated(pattern: str) -> str:
    body = pattern.rstrip("/")
    front = "" if "/" in body else "(?:.*/)?"
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", body.lstrip("/"))
    return front + "".join(_PIECES.get(piece) or _literal_or_set(piece) for piece in pieces if piece)


_PIECES = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _literal_or_set(piece: str) -> str:
    if not (piece.startswith("[") and piece.endswith("]")):
        return re.escape(piece)
    inside = piece[1:-1].replace("\\", "\\\\")
    return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
