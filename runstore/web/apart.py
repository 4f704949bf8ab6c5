"""Questions that may take for ever are answered in processes of their own, which can be stopped.

An expression such as (a+)+$ takes Python years for some texts, and no other thread runs meanwhile. So what a person
types as one is looked for by another process (answerer.py): one that takes too long is ended by its own alarm, also
where this server is gone by then, and one whose browser went away is killed. There are few at a time: whoever has many
slow questions waits for himself, and all other pages go on.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from pathlib import Path

import anyio
import anyio.to_thread
import orjson
from starlette.requests import ClientDisconnect, Request

from runstore.errors import RunstoreError, UsageError
from runstore.web.answerers import Answerers, Asking, Rendered
from runstore.web.asking import Asked, Question

SECONDS = 10.0  # for an answer
_MOST_AT_ONCE = 2
_REFUSED_SECONDS = 60.0  # for so long what took too long is not tried again: pages ask by themselves
_MOST_REFUSED = 100


class TookTooLong(UsageError):
    """A question that was not answered in time."""


class Apart:
    """Asks processes that have connections to one index. For one event loop, or one after the other."""

    def __init__(self, index: Path | None, seconds: float = SECONDS) -> None:
        """`seconds` is how long an answer may take."""
        self._seconds = seconds
        self._answerers = Answerers(index, _MOST_AT_ONCE)
        self._room = anyio.CapacityLimiter(_MOST_AT_ONCE)
        self._refused = _Refused()

    async def answer(self, request: Request, question: Question, asked: Asked) -> Rendered:
        """Return the answer to a question, which is a function of a module; what that raised is an answer as well.

        Raises TookTooLong, ClientDisconnect where nobody waits for it any more, and RunstoreError where the process
        died of something else.
        """
        name = f"{question.__module__}:{question.__qualname__}"
        words = orjson.dumps([name, dict(asked.params), asked.body, self._seconds])
        if words in self._refused:
            raise self._too_long()
        asking = Asking(self._answerers, words)
        found = await self._waited_for(request, asking)
        if found is not None:
            return found
        if not asking.took_too_long:
            raise RunstoreError("the process that searches ended; where the server was started stands why")
        self._refused.add(words)
        raise self._too_long()

    def close(self) -> None:
        """End the processes that wait for a question."""
        self._answerers.close()

    async def _waited_for(self, request: Request, asking: Asking) -> Rendered | None:
        found: list[Rendered | None] = []
        async with anyio.create_task_group() as tasks:

            async def watch_browser() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            tasks.start_soon(watch_browser)
            try:
                async with self._room:
                    found.append(await anyio.to_thread.run_sync(asking.answer, abandon_on_cancel=True))
            finally:
                asking.stop()  # where the server itself ends
            tasks.cancel_scope.cancel()
        if not found:
            raise ClientDisconnect
        return found[0]

    def _too_long(self) -> TookTooLong:
        return TookTooLong(
            f"this search was stopped after {self._seconds:g} seconds: an expression with a repetition inside of a"
            " repetition, such as (a+)+, can take for ever; write it another way, or look for a text"
        )


class _Refused:
    """Questions that took too long a short time ago."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, words: bytes) -> bool:
        with self._lock:
            return time.monotonic() < self._until.get(words, 0.0)

    def add(self, words: bytes) -> None:
        """Refuse a question for a while."""
        with self._lock:
            self._until[words] = time.monotonic() + _REFUSED_SECONDS
            while len(self._until) > _MOST_REFUSED:
                self._until.popitem(last=False)
