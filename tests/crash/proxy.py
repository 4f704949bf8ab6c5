"""A proxy between a daemon and its hub: it passes requests on, or does to them what bad networks and servers do.

What happens to each request is decided by a fault, a function of an `Exchange` (faults.py has them). The hub may come
back at another port (`upstream`), and the network may be gone (`is_cut`). Bytes are passed on as they came.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

# Long enough for a hub whose disk is busy; what hangs longer is a failure of the test.
_PATIENCE_SECONDS = 60.0
_PIECE_BYTES = 1 << 16


class Cut(OSError):
    """The line is dead: one side closed it, or the fault did."""


@dataclass
class Exchange:
    """One request of a client, and what may be done about it."""

    proxy: Proxy
    number: int
    head: bytes
    body: bytes
    client: socket.socket
    _hub: socket.socket | None = None

    @property
    def method(self) -> str:
        """The request's method."""
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        """The request's path and query."""
        return self.head.split(b" ", 2)[1].decode()

    def ask(self) -> bytes:
        """Let the hub do what is asked; return its whole answer."""
        self.send()
        return self.received()

    def send(self, share: float = 1.0) -> None:
        """Give the hub the request, or a part of its body."""
        self._connected().sendall(self.head + self.body[: int(len(self.body) * share)])

    def received(self) -> bytes:
        """Return the hub's whole answer. The next request opens a connection anew: none is stale."""
        hub = self._connected()
        head = _head(hub)
        answer = head + _body(hub, head)
        self.leave()
        return answer

    def leave(self) -> None:
        """Break the connection to the hub, whatever it is doing with the request."""
        if self._hub is not None:
            _reset(self._hub)
            self._hub = None

    def answer(self, data: bytes) -> None:
        """Give the client some bytes."""
        self.client.sendall(data)

    def hang_up(self) -> None:
        """Break the client's connection, and the hub's with it."""
        raise Cut("hung up")

    def _connected(self) -> socket.socket:
        if self._hub is None:
            self._hub = socket.create_connection(("127.0.0.1", self.proxy.upstream), _PATIENCE_SECONDS)
            self.proxy.opened(self._hub)
        return self._hub


Fault = Callable[[Exchange], None]


@dataclass(frozen=True)
class Asked:
    """What a request was, as the test may look at it afterwards."""

    method: str
    target: str
    body_bytes: int


class Proxy:
    """Listens on loopback from `with` on; `choose` says what is done to each request."""

    def __init__(self, choose: Callable[[Exchange], Fault], upstream: int = 0) -> None:
        self.upstream = upstream
        self.choose = choose
        self.asked: list[Asked] = []
        self.failures: list[BaseException] = []  # of faults, which are the test's own mistakes
        self._is_cut = False
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.set_cut(True)
        self._thread.join(_PATIENCE_SECONDS)

    @property
    def url(self) -> str:
        """Where clients find the hub."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def set_cut(self, is_cut: bool) -> None:
        """Take the network away, with all that is on the line, or give it back."""
        with self._lock:
            self._is_cut = is_cut
            lines = list(self._lines) if is_cut else []
        for line in lines:
            with contextlib.suppress(OSError):  # others may close it at this moment
                line.shutdown(socket.SHUT_RDWR)

    def opened(self, line: socket.socket) -> None:
        """Note a connection that a cut breaks."""
        with self._lock:
            self._lines.add(line)

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # ended
                return
            threading.Thread(target=self._serve, args=(client,), name="proxy-line", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_PATIENCE_SECONDS)
        self.opened(client)
        exchange = Exchange(self, 0, b"", b"", client)
        try:
            while not self._is_cut:
                exchange.head = _head(client)
                exchange.body = _body(client, exchange.head)
                with self._lock:
                    self.asked.append(Asked(exchange.method, exchange.target, len(exchange.body)))
                    exchange.number = len(self.asked)
                self.choose(exchange)(exchange)
        except OSError:  # either side went away, or was made to
            pass
        except BaseException as error:  # the thread's outer edge: the test asks for it
            self.failures.append(error)
        finally:
            exchange.leave()
            _reset(client)
            with self._lock:
                self._lines = {line for line in self._lines if line.fileno() >= 0}


def _reset(line: socket.socket) -> None:
    """Close a connection at once, as a cut cable or a killed process does; nothing that waits is sent."""
    with contextlib.suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def _head(line: socket.socket) -> bytes:
    """Read a head, up to its empty line and not a byte more."""
    return _until(line, b"\r\n\r\n")


def _until(line: socket.socket, end: bytes) -> bytes:
    found = bytearray()
    while not found.endswith(end):
        seen = line.recv(_PIECE_BYTES, socket.MSG_PEEK)
        if not seen:
            raise Cut("closed")
        at = (bytes(found) + seen).find(end)
        take = len(seen) if at < 0 else at + len(end) - len(found)
        found += _exactly(line, take)
    return bytes(found)


def _body(line: socket.socket, head: bytes) -> bytes:
    """Read the body that a head announces, as it is on the line."""
    fields = dict(field.split(b":", 1) for field in head.lower().split(b"\r\n")[1:] if b":" in field)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return _chunks(line)
    return _exactly(line, int(fields.get(b"content-length", b"0")))


def _chunks(line: socket.socket) -> bytes:
    found = bytearray()
    while True:
        size = _until(line, b"\r\n")
        found += size
        length = int(size.split(b";")[0], 16)
        found += _exactly(line, length + 2)
        if length == 0:
            return bytes(found)


def _exactly(line: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        piece = line.recv(min(length - len(found), _PIECE_BYTES))
        if not piece:
            raise Cut("closed")
        found += piece
    return bytes(found)
