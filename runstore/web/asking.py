"""How a route is written: a function of the runs and of what was asked, whose answer becomes JSON.

    def one(api: Api, asked: Asked) -> object: ...
    site.get("/api/run", one)

It runs in a thread, with a connection to the index of its own. Errors of runstore become a status and one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from runstore.errors import IndexUnusable, NotFound, StorageError, UsageError, WrongFilter
from runstore.query.api import Api

Question: TypeAlias = Callable[[Api, "Asked"], object]


LARGEST = 1 << 53  # of the numbers that a browser can count with


class Refused(UsageError):
    """Something that these pages may not do."""


_STATUS = ((Refused, 403), (StorageError, 507), (IndexUnusable, 503), (NotFound, 404), (UsageError, 400))


@dataclass(frozen=True)
class Asked:
    """What a request asks: the parameters of its URL (the last of several of one name counts), and its JSON body."""

    params: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter. Raises UsageError where it is missing and there is no default."""
        found = self.params.get(name, default)
        if found is None:
            raise UsageError(f"the parameter {name!r} is missing")
        return found

    def number(self, name: str, default: int, most: int) -> int:
        """Return a parameter that is a whole number from 0 to `most`. Raises UsageError for another."""
        text = self.params.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > most:
            raise UsageError(f"{name} is a whole number from 0 to {most:,}, not {text!r:.40}")
        return int(text)

    def body_text(self, name: str, default: str | None = None) -> str:
        """Return a text of the body, the default for none or null. Raises UsageError for anything else."""
        found = self._in_body(name, default)
        if not isinstance(found, str):
            raise UsageError(f"{name} is a text, not {found!r:.40}")
        return found

    def body_texts(self, name: str, most: int) -> list[str] | None:
        """Return a list of texts of the body; None for none or null. Raises UsageError for anything else."""
        found = self._in_body(name, None)
        if found is None:
            return None
        if not isinstance(found, list) or len(found) > most or not all(isinstance(one, str) for one in found):
            raise UsageError(f"{name} is a list of up to {most:,} texts, not {found!r:.40}")
        return found

    def body_number(self, name: str, most: int = LARGEST, default: int | None = 0) -> int:
        """Return a whole number of the body from 0 to `most`, the default for none. Raises UsageError for another."""
        found = self._in_body(name, default)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= most:
            raise UsageError(f"{name} is a whole number from 0 to {most:,}, not {found!r:.40}")
        return found

    def _in_body(self, name: str, default: object) -> object:
        found = self.body.get(name)
        return default if found is None else found


def status_of(error: Exception) -> int:
    """Return the status that says what an error means."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refusal_json(error: Exception) -> dict[str, Any]:
    """Return what is said of an error over which a question was not answered; of a filter also where it is wrong."""
    if isinstance(error, WrongFilter):
        return {"error": error.sentence, "column": error.column}
    return {"error": str(error)}
