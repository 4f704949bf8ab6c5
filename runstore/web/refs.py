"""How URLs name runs and projects: `entity/project/id`, each part escaped so that any name survives a browser.

A part that is only dots would be folded by browsers and proxies, escaped or not; it gets a `~` before it, and so does
one that begins with `~`, or that would be taken for a page of a project.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from runstore.core.identity import RunPath
from runstore.errors import NotFound

# What follows a project in the address of its pages.
_PAGES = frozenset(("table", "groups", "artifacts"))


def run_ref(run: RunPath) -> str:
    """Return what URLs call a run; the entity is left out where there is none."""
    return _joined(run)


def project_ref(entity: str, project: str) -> str:
    """Return what URLs call a project."""
    return _joined((entity, project))


def parse_run_ref(ref: str) -> RunPath:
    """Return the run that a reference means. Raises NotFound for what `run_ref` never returns."""
    parts = ref.split("/")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise NotFound(f"{ref!r} names no run; a run is entity/project/id, or project/id")
    entity, project, run_id = ("", *map(_unescaped, parts))[-3:]
    return RunPath(entity, project, run_id)


def parse_project_ref(ref: str) -> tuple[str, str]:
    """Return entity and project that a reference means. Raises NotFound for what `project_ref` never returns."""
    parts = ref.split("/")
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise NotFound(f"{ref!r} names no project; a project is entity/project, or project")
    entity, project = ("", *map(_unescaped, parts))[-2:]
    return entity, project


def _joined(parts: tuple[str, ...]) -> str:
    return "/".join(_escaped(part) for part in parts if part)


def _escaped(part: str) -> str:
    is_taken = part.startswith("~") or not part.strip(".") or part in _PAGES
    return quote(f"~{part}" if is_taken else part, safe="")


def _unescaped(part: str) -> str:
    text = unquote(part)
    return text[1:] if text.startswith("~") else text
