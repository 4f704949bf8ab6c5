"""The packages that a program can import: what a run's requirements.txt lists."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions


def requirements() -> str:
    """Return a line `name==version` for each installed distribution, in the order of the import path.

    A distribution whose metadata can't be read is left out. Reads two lines of each one's metadata: some milliseconds
    for a hundred.
    """
    lines = [f"{name}=={version}\n" for name, version in map(_named, distributions()) if name and version]
    return "".join(lines)


def _named(distribution: Distribution) -> tuple[str, str]:
    # Not through `.metadata`, which parses the whole of it, the long description included.
    try:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    except (OSError, UnicodeError):
        return "", ""
    head: dict[str, str] = {}
    for line in text.splitlines():
        if not line:
            break
        key, colon, value = line.partition(":")
        if colon and key in ("Name", "Version"):
            head.setdefault(key, value.strip())
        if len(head) == 2:
            break
    return head.get("Name", ""), head.get("Version", "")
