"""What may befall a request on its way: a function each, for `Proxy`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from tests.crash.proxy import Exchange, Fault

_LATE_SECONDS = 2.0
_AGAIN_SECONDS = 0.5


def passed(exchange: Exchange) -> None:
    """Nothing."""
    exchange.answer(exchange.ask())


def refused(exchange: Exchange) -> None:
    """The line breaks before the hub hears of it."""
    exchange.hang_up()


def broken_off(exchange: Exchange) -> None:
    """The line breaks in the middle of the body."""
    exchange.send(0.5)
    exchange.hang_up()


def answer_lost(exchange: Exchange) -> None:
    """The hub does it, and the line breaks before its answer."""
    exchange.ask()
    exchange.hang_up()


def answer_cut(exchange: Exchange) -> None:
    """The hub does it, and the line breaks in the middle of its answer."""
    answer = exchange.ask()
    exchange.answer(answer[: -max(1, len(answer) // 4)])
    exchange.hang_up()


def failed_after(exchange: Exchange) -> None:
    """The hub does it, and says that it failed."""
    exchange.ask()
    exchange.answer(_said(500, b'{"error": "the hub failed over this request; its log says why"}'))


def overloaded(exchange: Exchange) -> None:
    """The hub does nothing, and says when to come again."""
    exchange.answer(_said(503, b'{"error": "busy"}', b"Retry-After: 1\r\n"))


def no_gateway(exchange: Exchange) -> None:
    """A web server before the hub says that it is not there."""
    exchange.answer(_said(502, b"<html>Bad Gateway</html>"))


def late(exchange: Exchange) -> None:
    """The hub does it at once, and its answer takes its time."""
    answer = exchange.ask()
    time.sleep(_LATE_SECONDS)
    exchange.answer(answer)


def slow(exchange: Exchange) -> None:
    """The answer comes in crumbs."""
    answer = exchange.ask()
    for at in range(0, len(answer), 40):
        exchange.answer(answer[at : at + 40])
        time.sleep(0.02)


def done_twice(exchange: Exchange) -> None:
    """The hub hears it twice, one after the other; the second answer counts."""
    exchange.ask()
    exchange.answer(exchange.ask())


def answered_twice(exchange: Exchange) -> None:
    """The answer comes a second time, where nothing was asked."""
    answer = exchange.ask()
    exchange.answer(answer + answer)


def done_again_later(exchange: Exchange) -> None:
    """The hub hears it again when the client has long gone on, as from a network that repeats what it has stored."""
    copy = Exchange(exchange.proxy, exchange.number, exchange.head, exchange.body, exchange.client)

    def again() -> None:
        with contextlib.suppress(OSError):  # the hub may be gone by then
            copy.ask()
        copy.leave()

    timer = threading.Timer(_AGAIN_SECONDS, again)
    timer.daemon = True
    exchange.answer(exchange.ask())
    timer.start()


def killing_before(kill: Callable[[], None]) -> Fault:
    """Return a fault that calls `kill` when the request has come and nothing was done about it."""

    def fault(exchange: Exchange) -> None:
        kill()
        exchange.answer(exchange.ask())

    return fault


def killing_within(kill: Callable[[], None]) -> Fault:
    """Return a fault that calls `kill` when the hub has most of the body, as far as there is one; more never comes."""

    def fault(exchange: Exchange) -> None:
        exchange.send(0.95)
        kill()
        exchange.hang_up()

    return fault


def killing_after(kill: Callable[[], None]) -> Fault:
    """Return a fault that calls `kill` when the hub has answered; the answer is passed on after that."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.ask()
        kill()
        exchange.answer(answer)

    return fault


def _said(status: int, body: bytes, fields: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n".encode()
    return head + b"Content-Type: application/json\r\n" + fields + b"\r\n" + body


# All that may come at any time.
ANY_TIME: tuple[Fault, ...] = (
    refused,
    broken_off,
    answer_lost,
    answer_cut,
    failed_after,
    overloaded,
    no_gateway,
    late,
    slow,
    done_twice,
    answered_twice,
    done_again_later,
)
