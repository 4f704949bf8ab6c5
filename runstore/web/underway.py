"""Questions under way: each in a thread, so many at once, and none for ever.

A thread can't be killed, but all that a question reads comes from the index, and that can be told to answer no more.
So a question ends whose browser went away, and one that takes too long. Who is slow moves over to a lane of his own
meanwhile, and quick questions have theirs for themselves: a page that asks for much doesn't hold up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request

from runstore.errors import Stopped
from runstore.web.apart import TookTooLong

SECONDS = 60.0  # for an answer
SLOW_SECONDS = 1.0  # what takes longer is slow
_AT_ONCE = 8  # of each lane
_STOP_AGAIN_SECONDS = 0.05  # a statement that just began was missed

T = TypeVar("T")


class CanBeStopped(Protocol):
    """What a question reads."""

    def stop(self) -> None:
        """Answer no more, from any thread."""
        ...


class UnderWay:
    """One question, which any thread may stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: CanBeStopped | None = None
        self._is_stopped = False

    @contextlib.contextmanager
    def reading(self, reads: CanBeStopped) -> Iterator[None]:
        """Read there, as long as nobody stops it. Raises Stopped."""
        with self._lock:
            if self._is_stopped:
                raise Stopped("nobody waits for the answer any more")
            self._reads = reads
        try:
            yield
        finally:
            with self._lock:
                self._reads = None

    def stop(self) -> None:
        """Let it read no more."""
        with self._lock:
            self._is_stopped = True
            if self._reads is not None:
                self._reads.stop()


class Lanes:
    """Threads in which questions are answered. For one event loop, or one after the other."""

    def __init__(self, seconds: float = SECONDS, slow_seconds: float = SLOW_SECONDS) -> None:
        """`seconds` is how long an answer may take; from `slow_seconds` on it is slow."""
        self._seconds, self._slow_seconds = seconds, slow_seconds
        self._quick, self._slow = anyio.CapacityLimiter(_AT_ONCE), anyio.CapacityLimiter(_AT_ONCE)
        self._threads = anyio.CapacityLimiter(math.inf)  # of which there are no more than places in both lanes

    async def answer(self, request: Request, work: Callable[[UnderWay], T]) -> T:
        """Return what `work` returns, in a thread.

        Raises TookTooLong, and ClientDisconnect where the browser went away; `work` is told by Stopped.
        """
        under_way, left = UnderWay(), anyio.Event()
        watching = self._left(request, under_way, left), self._late(under_way)
        try:
            async with self._place(), _beside(*watching):
                return await anyio.to_thread.run_sync(work, under_way, abandon_on_cancel=True, limiter=self._threads)
        except Stopped:
            if left.is_set():
                raise ClientDisconnect from None
            raise TookTooLong(
                f"this took longer than {self._seconds:g} seconds, and was stopped; ask for fewer runs at once"
            ) from None
        finally:
            under_way.stop()  # where the server ends before the thread does

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, in a thread; nobody stops it."""
        async with self._place():
            return await anyio.to_thread.run_sync(work, limiter=self._threads)

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Wait for a place in the quick lane, and move over from it after a while."""
        who, held = object(), [self._quick]
        await self._quick.acquire_on_behalf_of(who)

        async def move_over() -> None:
            await asyncio.sleep(self._slow_seconds)
            await self._slow.acquire_on_behalf_of(who)
            self._quick.release_on_behalf_of(who)
            held[0] = self._slow

        try:
            async with _beside(move_over()):
                yield
        finally:
            held[0].release_on_behalf_of(who)

    async def _left(self, request: Request, under_way: UnderWay, left: anyio.Event) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left.set()
        await _stop(under_way)

    async def _late(self, under_way: UnderWay) -> None:
        await asyncio.sleep(self._seconds)
        await _stop(under_way)


@contextlib.asynccontextmanager
async def _beside(*doing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do these meanwhile, up to the end of the block; what that raises comes out as it is, of no group."""
    tasks = [asyncio.create_task(one) for one in doing]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _stop(under_way: UnderWay) -> None:
    while True:
        under_way.stop()
        await asyncio.sleep(_STOP_AGAIN_SECONDS)
