"""The runs that a question about several runs is about: `{"refs": [...]}`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from runstore.errors import NotFound, UsageError
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.reading import run_of


def refs_of(asked: Asked, most: int) -> list[str]:
    """Return the references of runs in a question. Raises UsageError for what is none, and for more than `most`."""
    refs = asked.body.get("refs")
    if not isinstance(refs, list) or not all(isinstance(ref, str) for ref in refs):
        raise UsageError("refs is a list of runs, each as the address of its page has it")
    if len(refs) > most:
        raise UsageError(f"{len(refs):,} runs are asked for, and {most:,} at most are shown together")
    return list(dict.fromkeys(refs))


def runs_chosen(api: Api, asked: Asked, most: int = 1000) -> dict[str, StoredRun]:
    """Return the runs that are asked for by their references; those that are gone are left out."""
    found = {}
    for ref in refs_of(asked, most):
        try:
            found[ref] = run_of(api, ref)
        except NotFound:
            continue
    return found


def connection_of(chosen: Mapping[str, StoredRun]) -> sqlite3.Connection:
    """Return the index that runs are in; there is one run at least."""
    return next(iter(chosen.values())).connection
