"""Views that people gave a name: kept in the home folder beside the index, in a file that can be read and copied.

    {"mnist": [{"name": "best", "query": "sort=summary.loss&top=20"}]}

They follow from nothing, so they are no part of the index, which is a cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from runstore.errors import NotFound, StorageError, UsageError

_MOST_VIEWS = 200  # of one project
_MOST_LETTERS = 100
_MOST_QUERY_LETTERS = 8_000


class Views:
    """The views of all projects, in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, project: str) -> list[dict[str, str]]:
        """Return the views of a project, as they were saved. Raises StorageError where the file can't be read."""
        return list(self._all().get(project, ()))

    def save(self, project: str, name: str, query: str) -> list[dict[str, str]]:
        """Keep a view; one of the same name is replaced. Returns all of the project. Raises UsageError."""
        name = name.strip()
        if not name or len(name) > _MOST_LETTERS or len(query) > _MOST_QUERY_LETTERS:
            raise UsageError(f"a view has a name of 1 to {_MOST_LETTERS} letters, and an address that is not endless")
        with self._alone():
            every = self._all()
            views = [view for view in every.get(project, ()) if view["name"] != name]
            if len(views) >= _MOST_VIEWS:
                raise UsageError(f"a project has at most {_MOST_VIEWS} views; remove one first")
            every[project] = [*views, {"name": name, "query": query}]
            self._write(every)
        return every[project]

    def remove(self, project: str, name: str) -> list[dict[str, str]]:
        """Forget a view; return those that are left. Raises NotFound."""
        with self._alone():
            every = self._all()
            views = every.get(project, [])
            left = [view for view in views if view["name"] != name]
            if len(left) == len(views):
                raise NotFound(f"there is no view {name!r} of this project")
            every[project] = left
            self._write(every)
        return left

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the file meanwhile: two servers over one home may be asked at once."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = open(self._path.with_name(f".{self._path.name}.lock"), "ab")  # noqa: SIM115 - closed below
        except OSError as error:
            raise StorageError(f"{self._path}: the view could not be saved: {error.strerror}") from error
        with lock:  # which lets go of it, too
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _all(self) -> dict[str, list[dict[str, str]]]:
        try:
            found = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StorageError(f"{self._path}: the saved views can't be read ({error}); move the file away") from error
        if not isinstance(found, dict):
            raise StorageError(f"{self._path}: these are no saved views; move the file away")
        return {project: _checked(views) for project, views in found.items()}

    def _write(self, every: dict[str, list[dict[str, str]]]) -> None:
        """Put the file in place whole: a crash leaves the old one."""
        text = orjson.dumps({project: views for project, views in every.items() if views}, option=orjson.OPT_INDENT_2)
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text)
                os.replace(name, self._path)
            except OSError:
                os.unlink(name)
                raise
        except OSError as error:
            raise StorageError(f"{self._path}: the view could not be saved: {error.strerror}") from error


def _checked(views: Any) -> list[dict[str, str]]:
    """Return the views that are such: people may edit the file."""
    return [
        {"name": str(view["name"]), "query": str(view["query"])}
        for view in (views if isinstance(views, list) else ())
        if isinstance(view, dict) and "name" in view and "query" in view
    ]
