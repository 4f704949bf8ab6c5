"""HTTP/1.1 for a server that must not be what is measured: one thread, connections that are kept, nothing checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """A whole request; names of headers are in lower case, `size` is that of all of it, the head included."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes
    size: int


class Exchange(asyncio.Protocol):
    """One connection. `answer` returns JSON, or None for what there is not; it goes back after `delay` seconds."""

    def __init__(self, answer: Callable[[Request], bytes | None], delay: float) -> None:
        self._answer, self._delay = answer, delay
        self._held = bytearray()
        self._head: _Head | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request of which all has arrived."""
        self._held += data
        while (head := self._head_of_next()) and (end := head.end(self._held)):
            request = Request(head.method, head.path, head.headers, head.body(self._held, end), end)
            del self._held[:end]
            self._head = None
            answer = self._answer(request)
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._send, answer)
            else:
                self._send(answer)

    def _head_of_next(self) -> _Head | None:
        if self._head is None and (end := self._held.find(_HEAD_END)) >= 0:
            self._head = _Head(bytes(self._held[:end]))
            if self._head.headers.get(b"expect") == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._head

    def _send(self, answer: bytes | None) -> None:
        status = b"404 Not Found" if answer is None else b"200 OK"
        body = answer or b"{}"
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d" % (status, len(body))
        self._transport.write(head + _HEAD_END + body)


class _Head:
    """The head of a request, which begins at the first of the bytes that are held."""

    def __init__(self, text: bytes) -> None:
        first, *lines = text.split(b"\r\n")
        self.method, self.path, _ = first.decode("latin-1").split(" ")
        named = (line.partition(b":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in named}
        self._body_at = len(text) + len(_HEAD_END)
        self._is_chunked = self.headers.get(b"transfer-encoding") == b"chunked"

    def end(self, held: bytearray) -> int:
        """Return where the request ends; 0 while not all of it is there."""
        if not self._is_chunked:
            end = self._body_at + int(self.headers.get(b"content-length", b"0"))
            return end if len(held) >= end else 0
        at = self._body_at
        while (line_end := held.find(b"\r\n", at)) >= 0:
            size = _chunk_size(held, at, line_end)
            at = line_end + 2 + size + 2
            if len(held) < at:
                return 0
            if size == 0:
                return at
        return 0

    def body(self, held: bytearray, end: int) -> bytes:
        """Return the body of a request that is all there."""
        if not self._is_chunked:
            return bytes(memoryview(held)[self._body_at : end])
        body, at = bytearray(), self._body_at
        while size := _chunk_size(held, at, line_end := held.index(b"\r\n", at)):
            body += held[line_end + 2 : line_end + 2 + size]
            at = line_end + 2 + size + 2
        return bytes(body)


def _chunk_size(held: bytearray, at: int, line_end: int) -> int:
    return int(held[at:line_end].split(b";")[0], 16)
