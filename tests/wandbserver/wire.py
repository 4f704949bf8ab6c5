"""HTTP/1.1 over loopback sockets: reads requests, breaks what a fault says, and can be away for a while.

What a request means is the desk's business (server.py). Rules of this file: no state of runs, no JSON.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, Protocol

from tests.wandbserver.faults import Fault
from tests.wandbserver.holds import DroppedRequest
from tests.wandbserver.requests import Moment, Request


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


class Desk(Protocol):
    """Who knows what requests mean; called on many threads."""

    def classify(self, method: str, path: str, body_start: bytes) -> Request:
        """Return what kind of request this is; of graphql the body's start is all of it."""
        ...

    def fault_for(self, request: Request) -> Fault | None:
        """Return how the request fails, None if it doesn't."""
        ...

    def notify(self, moment: Moment, request: Request) -> None:
        """Tell the watchers; raises DroppedRequest."""
        ...

    def apply(self, request: Request, headers: Mapping[str, str], body: bytes) -> Answer:
        """Carry the request out; names of `headers` are in lower case."""
        ...

    def count(self, request: Request, header_bytes: int, body_bytes: int) -> None:
        """Add what came in to the traffic."""
        ...

    def count_answer(self, request: Request, answer_bytes: int) -> None:
        """Add what went back to the traffic."""
        ...


class Listener:
    """A port on loopback that answers while it is open, and keeps its number while it is away."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._placeholder = _bound(0)  # beside which one listens
        self.port = int(self._placeholder.getsockname()[1])
        self._http: _HTTPServer | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Answer from now on."""
        self._http = _HTTPServer(_bound(self.port), self._desk)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def go_away(self) -> None:
        """Refuse connections, and break those that are there."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http.break_connections()
            self._thread.join()
            self._http = None

    def close(self) -> None:
        """Give up the port."""
        self.go_away()
        self._placeholder.close()


def _bound(port: int) -> socket.socket:
    # A port that is bound and not listened to refuses connections, and nobody else gets it.
    placeholder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    placeholder.bind(("127.0.0.1", port))
    return placeholder


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    # A client that keeps its connection open must not hold up the end of a test.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, bound: socket.socket, desk: Desk) -> None:
        super().__init__(bound.getsockname(), _Exchange, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.desk = desk
        self._connections: set[Any] = set()
        self._lock = threading.Lock()
        self.server_activate()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                _break(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that hung up; it does so whenever its process ends."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _break(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is broken already


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two writes; the second must not wait for the first one's acknowledgement.
    disable_nagle_algorithm = True
    server: _HTTPServer

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent: what came in is recorded, not printed."""

    def _serve(self) -> None:
        try:
            self._exchange()
        except (DroppedRequest, ConnectionError):
            self.close_connection = True
            _break(self.connection)

    def _exchange(self) -> None:
        start, left = self._body_start()
        desk = self.server.desk
        request = desk.classify(self.command, self.path, start)
        fault = desk.fault_for(request)
        if fault is not None and fault.cut == "request":
            raise ConnectionAbortedError
        body = start + self.rfile.read(left)
        if len(body) < len(start) + left:
            raise ConnectionAbortedError  # the client is gone; half a body says nothing
        desk.count(request, len(self.requestline) + len(bytes(self.headers)), len(body))
        desk.notify("arrived", request)
        answer = Answer(200)
        if fault is None or fault.is_applied:
            answer = desk.apply(request, {name.lower(): value for name, value in self.headers.items()}, body)
            desk.notify("applied", request)
        if fault is not None:
            answer = self._spoilt(answer, fault)
        self._send(answer)
        desk.count_answer(request, len(answer.body))
        desk.notify("answered", request)

    def _spoilt(self, answer: Answer, fault: Fault) -> Answer:
        if fault.cut == "answer":
            self._send(answer, len(answer.body) // 2)
            raise ConnectionAbortedError
        if fault.status is None:
            raise ConnectionAbortedError
        return Answer(fault.status, b'{"error": "as the test asked"}', fault.headers)

    def _send(self, answer: Answer, most: int | None = None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[:most])

    def _body_start(self) -> tuple[bytes, int]:
        """Return the first half of the body and how much is left; all of it of what must be parsed to be known."""
        if self.headers["Transfer-Encoding"] == "chunked":
            return _read_chunked(self.rfile), 0
        length = int(self.headers["Content-Length"] or 0)
        first = length if self.path.endswith("/graphql") else length // 2
        return self.rfile.read(first), length - first


def _read_chunked(stream: BufferedIOBase) -> bytes:
    """Return a body in chunked transfer coding, which clients use for files of unknown or zero length."""
    body = bytearray()
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return bytes(body)
