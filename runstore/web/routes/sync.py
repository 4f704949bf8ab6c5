"""What is durable, indexed and delivered, per target; of a hub, what it holds."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.query.api import Api
from runstore.query.holdings import holdings
from runstore.web.artifactrefs import named_ref
from runstore.web.asking import Asked
from runstore.web.jsontext import as_json
from runstore.web.site import Site, Standings

_MOST_RUNS = 200  # of an answer
# A look at 10,000 runs takes a second: however many people have the page open, it is taken the more seldom, the longer
# it takes.
_LOOK_SECONDS = 2.0
_LOOK_SHARE = 5.0


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    if site.standings is None:
        return [site.get("/api/sync", held)]
    looks = _Looks(site.standings)

    def delivered(api: Api, asked: Asked) -> object:
        """Answer with how far all runs are, and each of those that wait; with `every`, of all; with `text` in it.

        Who shows the `digest` of the last answer as `since` is told no more than that nothing changed.
        """
        facts = looks.facts()
        every, text = asked.text("every", "") == "1", asked.text("text", "").casefold()
        runs = [run for run in facts["runs"] if (every or not run["is_settled"]) and text in run["run"].casefold()]
        offset = asked.number("offset", 0, 10**9)
        shown = [_run_json(run) for run in runs[offset : offset + _MOST_RUNS]]
        return _unless_known(asked, {**facts, "kind": "source", "runs": shown, "matching": len(runs)})

    return [site.get("/api/sync", delivered)]


def held(api: Api, asked: Asked) -> object:
    """Answer with what a hub holds, which delivers nothing itself."""
    return _unless_known(asked, {"kind": "hub", **holdings(api.known_artifacts().connection)._asdict()})


class _Looks:
    """The last look at all runs, taken again when it is old. For any number of threads."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._good_until = 0.0

    def facts(self) -> dict[str, Any]:
        """Return how far all runs are, as of some seconds ago at most, or some times what a look takes."""
        with self._lock:
            began = time.monotonic()
            if began >= self._good_until:
                self._facts = self._standings()
                done = time.monotonic()
                self._good_until = done + max(_LOOK_SECONDS, _LOOK_SHARE * (done - began))
            return self._facts


def _unless_known(asked: Asked, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with its digest; only that where whoever asks has the same one already."""
    digest = hashlib.sha256(as_json(answer)).hexdigest()[:16]
    return {"digest": digest} if asked.text("since", "") == digest else {**answer, "digest": digest}


def _run_json(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as it is told, with its reference; "" for logs of which nobody knows what run they are."""
    name = str(run["run"])
    return {**run, "ref": named_ref(name) if "/" in name else ""}
