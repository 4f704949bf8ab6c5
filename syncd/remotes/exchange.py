"""A request and its answer over one connection, in HTTP/1.1, as far as it takes to speak to servers of JSON and bytes.

The answer is read to its end: nothing here streams. What breaks the rules of HTTP, or is too long, is httpx's
RemoteProtocolError; what goes wrong on the way is another of httpx's errors; what the request's content raises is
raised as it is. After any of them the connection is of no use any more.
"""

from __future__ import annotations

import io
import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import httpx

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Headers = list[tuple[bytes, bytes]]

# A first piece of content up to this size goes with the head of the request: that is one packet less, and a wait.
_TOGETHER_BYTES = 64 << 10
_PACKED_PIECE_BYTES = 16 << 10  # which are 16 MB at most once they are unpacked
_LINE_BYTES = 64 << 10
_MOST_HEADERS = 200
# A byte now and then is never silence; an answer that is not whole by then is none.
WHOLE_ANSWER_SECONDS = 600.0

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: .*)?")
_NAME = re.compile(rb"[^:\s][^:\r\n]*")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")
_NO_VALUE = re.compile(rb"[\0\r\n]")
# What says how the body was sent; of the one that was read it is not so any more.
_OF_THE_TRANSFER = frozenset((b"content-length", b"transfer-encoding"))
_WITHOUT_A_BODY = frozenset((204, 304))


class Connection:
    """A connection that is open; for one request at a time."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._incoming = _Incoming(opened)
        self._answers = io.BufferedReader(self._incoming)

    def close(self) -> None:
        """End it."""
        self._answers.close()
        self._socket.close()

    def is_over(self) -> bool:
        """Return whether the other side has hung up meanwhile: between two requests it has nothing to say."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    def exchange(self, request: httpx.Request, timeout: float | None, most: int) -> tuple[httpx.Response, bool]:
        """Return the answer to a request, and whether another can follow.

        Raises httpx.ReadTimeout where nothing is heard for `timeout` seconds, or the answer is not whole in
        WHOLE_ANSWER_SECONDS. An answer may have `most` bytes.
        """
        head = _head(request)
        self._socket.settimeout(timeout)
        was_sent = self._send(request, head)
        self._incoming.expect(timeout, WHOLE_ANSWER_SECONDS)
        with _as_httpx_says_it(request):
            status, headers, stays = _read_head(self._answers)
            content, has_end = _read_body(self._answers, status, headers, most)
        stays = stays and was_sent and has_end
        kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_TRANSFER]
        if _value(headers, b"content-encoding"):
            return httpx.Response(status, headers=kept, stream=_Packed(content)), stays
        return httpx.Response(status, headers=kept, content=content), stays

    def _send(self, request: httpx.Request, head: bytes) -> bool:
        """Send all of a request; return False where the other side hung up before its end: its answer may say why."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        for piece in request.stream:
            if head and len(piece) <= _TOGETHER_BYTES:
                piece, head = head + piece, b""
            if not (self._sent(request, head) and self._sent(request, piece)):
                return False
            head = b""
        return self._sent(request, head)

    def _sent(self, request: httpx.Request, data: bytes) -> bool:
        with _as_httpx_says_it(request):
            try:
                if data:
                    self._socket.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                return False
        return True


class _Incoming(io.RawIOBase):
    """What comes over a connection, as long as there is patience for an answer."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._silence: float | None = None
        self._deadline = 0.0

    def expect(self, silence: float | None, whole: float) -> None:
        """Begin with an answer: so many seconds may pass without a byte, and until its last one."""
        self._silence, self._deadline = silence, time.monotonic() + whole

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a part of a buffer. Raises TimeoutError where the patience is at its end."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left if self._silence is None else min(left, self._silence))
        return self._socket.recv_into(buffer)


class _Packed(httpx.SyncByteStream):
    """The body of an answer that is unpacked piece by piece, by somebody who stops when it is too much."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), _PACKED_PIECE_BYTES):
            yield self._content[at : at + _PACKED_PIECE_BYTES]


class _Unfit(Exception):
    """What came is no answer."""


def _head(request: httpx.Request) -> bytes:
    """Return the head of a request. Raises httpx.LocalProtocolError for headers that would be others on the way."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if not _NAME.fullmatch(name) or _NO_VALUE.search(value):
            raise httpx.LocalProtocolError(f"the header {name!a} can't be sent", request=request)
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _read_head(answers: BinaryIO) -> tuple[int, Headers, bool]:
    """Return the status, the headers, and whether the connection stays; answers before the real one are passed by."""
    while True:
        first = answers.readline(_LINE_BYTES)
        if not first:
            raise _Unfit("hung up without an answer")
        said = _STATUS_LINE.fullmatch(first.rstrip(b"\r\n"))
        if said is None:
            raise _Unfit(f"not an answer in HTTP/1.1: {first[:80]!a}")
        status, headers = int(said[2]), _read_headers(answers)
        if status >= 200:
            break
    connection = _value(headers, b"connection").lower()
    stays = b"keep-alive" in connection if said[1] == b"0" else b"close" not in connection
    return status, headers, stays


def _read_headers(answers: BinaryIO) -> Headers:
    headers: Headers = []
    while line := _line(answers):
        if line[:1] in b" \t" and headers:  # as nobody writes it any more
            headers[-1] = headers[-1][0], headers[-1][1] + b" " + line.strip()
            continue
        name, colon, value = line.partition(b":")
        if not colon or len(headers) == _MOST_HEADERS:
            raise _Unfit(f"not a header: {line[:80]!a}")
        headers.append((name.strip(), value.strip()))
    return headers


def _read_body(answers: BinaryIO, status: int, headers: Headers, most: int) -> tuple[bytes, bool]:
    """Return the body of an answer, and whether it had an end of its own, other than that of the connection."""
    if status in _WITHOUT_A_BODY:
        return b"", True
    if _value(headers, b"transfer-encoding"):
        return _read_chunks(answers, most), True
    length = _value(headers, b"content-length")
    if not length:
        content = answers.read(most + 1)
        _check_size(len(content), most)
        return content, False
    if not length.isdigit():
        raise _Unfit(f"not a length: {length[:80]!a}")
    return _read_whole(answers, int(length), most), True


def _read_chunks(answers: BinaryIO, most: int) -> bytes:
    pieces: list[bytes] = []
    while True:
        said = _CHUNK_SIZE.fullmatch(_line(answers))
        if said is None:
            raise _Unfit("an answer in pieces, one of which does not say how long it is")
        size = int(said[1], 16)
        if not size:
            break
        pieces.append(_read_whole(answers, size, most))
        most -= size
        if _line(answers):
            raise _Unfit("an answer in pieces, one of which is longer than it says")
    while _line(answers):  # headers behind the body, of which nobody knows
        pass
    return b"".join(pieces)


def _read_whole(answers: BinaryIO, size: int, most: int) -> bytes:
    _check_size(size, most)
    content = answers.read(size)
    if len(content) < size:
        raise _Unfit("an answer that breaks off")
    return content


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise _Unfit(f"an answer of more than {most:,} bytes")


def _line(answers: BinaryIO) -> bytes:
    """Return the next line without its end."""
    line = answers.readline(_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise _Unfit("an answer that breaks off" if len(line) < _LINE_BYTES else "an answer with a line without an end")
    return line[:-2] if line.endswith(b"\r\n") else line[:-1]


def _value(headers: Headers, name: bytes) -> bytes:
    """Return the value of a header, in one where it is there several times; b"" where it is not."""
    return b", ".join(value for known, value in headers if known.lower() == name)


@contextmanager
def _as_httpx_says_it(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's errors for those of sockets, and of what they brought."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout("no answer in time", request=request) from error
    except _Unfit as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
    except OSError as error:  # ssl's own are such
        raise httpx.ReadError(str(error), request=request) from error
