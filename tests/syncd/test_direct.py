"""Requests that are carried without httpx's own transport: the same answers, the same errors, fewer connections."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from runstore.syncd.remotes import direct, exchange
from tests.syncd.tls import self_signed
from tests.timing import PATIENCE_SECONDS, Clock, eventually

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: yes\r\n\r\n{}"
Script = Callable[[int, bytes], bytes | None]


@pytest.fixture
def transport() -> Iterator[direct.DirectTransport]:
    with direct.DirectTransport() as opened:
        yield opened


class Scripted:
    """A server that answers each request, its head and what came with it, as `script` says; None hangs up."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/a%20b?c=d"
        self.connections = 0
        self.heads: list[bytes] = []
        self._last: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.close()

    def hang_up(self) -> None:
        """End the connection that was made last."""
        assert self._last is not None
        self._last.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._last = connection
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.heads.append(data)
                answer = self._script(len(self.heads), data)
                if answer is None:
                    return
                connection.sendall(answer)
                if b"Connection: close" in answer:
                    return


class Trickling(Scripted):
    """A server that says the same again and again, and never comes to an end."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        super().__init__(lambda number, data: said)

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(self._said)
                threading.Event().wait(0.01)


def put(
    transport: httpx.BaseTransport,
    url: str,
    content: bytes | Iterator[bytes] = b"",
    size: int = 0,
    timeout: float = PATIENCE_SECONDS,
) -> httpx.Response:
    headers = {"Content-Length": str(len(content) if isinstance(content, bytes) else size), "X-Mine": "1"}
    extensions = {"timeout": httpx.Timeout(timeout).as_dict()}
    request = httpx.Request("PUT", url, headers=headers, content=content, extensions=extensions)
    response = transport.handle_request(request)
    response.read()
    return response


def test_a_request_is_as_short_as_it_can_be(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: GOOD) as server:
        response = put(transport, server.url)
        host = server.url.split("/")[2]
    assert (response.status_code, response.content, response.headers["X-Said"]) == (200, b"{}", "yes")
    assert server.heads == [
        f"PUT /a%20b?c=d HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nX-Mine: 1\r\n\r\n".encode()
    ]


def test_one_connection_serves_one_request_after_the_other(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: GOOD) as server:
        for _ in range(5):
            put(transport, server.url)
        assert server.connections == 1


def test_a_connection_that_the_server_gave_up_is_not_used_again(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: GOOD) as server:
        put(transport, server.url)
        server.hang_up()
        put(transport, server.url)
        assert server.connections == 2


def test_a_connection_that_was_silent_for_long_is_not_trusted() -> None:
    now = [1000.0]
    with Scripted(lambda number, data: GOOD) as server, direct.DirectTransport(lambda: now[0]) as transport:
        for now[0] in (1000.0, 1029.0, 1060.0):
            put(transport, server.url)
        assert server.connections == 2


def test_what_is_closed_keeps_no_connection(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: GOOD) as server:
        transport.close()
        for _ in range(2):
            put(transport, server.url)
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD,
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200\nContent-Length:2\n\n{}",
        b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n02;a=b\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(b"{}", mtime=0))
        + gzip.compress(b"{}", mtime=0),
    ],
)
def test_answers_are_understood_however_they_are_sent(transport: direct.DirectTransport, answer: bytes) -> None:
    with Scripted(lambda number, data: answer) as server:
        for _ in range(2):
            assert put(transport, server.url).content == b"{}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n", httpx.RemoteProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
            httpx.RemoteProtocolError,
        ),
        (b"SSH-2.0 hello\r\nConnection: close\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 99 Low\r\nConnection: close\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nno header\r\nConnection: close\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + bytes(70_000), httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 201 + b"\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", httpx.RemoteProtocolError),
    ],
)
def test_what_is_no_answer_is_said_as_httpx_says_it(
    transport: direct.DirectTransport, answer: bytes | None, error: type[Exception]
) -> None:
    with Scripted(lambda number, data: answer) as server, pytest.raises(error):
        put(transport, server.url)


def test_an_answer_without_an_end_is_not_read_for_ever(
    transport: direct.DirectTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "ANSWER_BYTES", 1000)
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + bytes(2000)
    said = pytest.raises(httpx.RemoteProtocolError, match="more than 1,000 bytes")
    with Scripted(lambda number, data: endless) as server, said:
        put(transport, server.url)


@pytest.mark.parametrize("said", [b"Content-Length: 5000000000", b"Transfer-Encoding: chunked\r\n\r\nffffffff"])
def test_an_answer_that_says_it_is_too_long_is_not_read(transport: direct.DirectTransport, said: bytes) -> None:
    endless = b"HTTP/1.1 200 OK\r\n" + said + b"\r\n\r\n{}"
    refused = pytest.raises(httpx.RemoteProtocolError, match="more than 67,108,864 bytes")
    with Scripted(lambda number, data: endless) as server, refused:
        put(transport, server.url)


def test_an_answer_without_content_leaves_the_connection_as_it_is(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        for _ in range(3):
            assert put(transport, server.url).content == b""
        assert server.connections == 1


def test_a_large_body_arrives_whole_behind_its_head(transport: direct.DirectTransport) -> None:
    body = bytes(range(256)) * 1000
    arrived = bytearray()

    def script(number: int, data: bytes) -> bytes:
        arrived.extend(data)
        return GOOD if arrived.endswith(body) else b""

    with Scripted(script) as server:
        assert put(transport, server.url, iter([body[:100_000], body[100_000:]]), len(body)).content == b"{}"
    assert arrived.split(b"\r\n\r\n", 1)[1] == body


def test_a_server_that_says_nothing_is_given_up(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: b"") as server, pytest.raises(httpx.ReadTimeout):
        put(transport, server.url, timeout=0.05)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x"], ids=["never yet", "byte by byte"])
def test_an_answer_that_trickles_is_given_up(
    transport: direct.DirectTransport, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(exchange, "WHOLE_ANSWER_SECONDS", 0.2)
    with Trickling(answer) as server, pytest.raises(httpx.ReadTimeout):
        put(transport, server.url)


def test_the_patience_for_an_answer_begins_anew_with_each(
    transport: direct.DirectTransport, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=clock))
    with Scripted(lambda number, data: GOOD) as server:
        put(transport, server.url)
        clock.now += 2 * exchange.WHOLE_ANSWER_SECONDS
        assert put(transport, server.url).content == b"{}"
        assert server.connections == 1


def test_nobody_there_is_a_connection_that_failed(transport: direct.DirectTransport) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            put(transport, f"http://127.0.0.1:{taken.getsockname()[1]}/")
    for host in ("host.invalid", "a..b"):
        with pytest.raises(httpx.ConnectError):
            put(transport, f"http://{host}/")


@pytest.mark.parametrize("url", ["ftp://host/", "file:///etc/passwd"])
def test_what_is_not_http_is_not_asked(transport: direct.DirectTransport, url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        put(transport, url)


def test_headers_that_would_be_two_are_not_sent(transport: direct.DirectTransport) -> None:
    with Scripted(lambda number, data: GOOD) as server:
        request = httpx.Request("PUT", server.url, headers={"X": "a\r\nY: b"})
        with pytest.raises(httpx.LocalProtocolError):
            transport.handle_request(request)
    assert server.heads == []


def test_content_that_fails_ends_the_connection_and_is_raised_as_it_is(transport: direct.DirectTransport) -> None:
    def content() -> Iterator[bytes]:
        yield b"half"
        raise FileNotFoundError("gone")

    with Scripted(lambda number, data: b"") as server:
        with pytest.raises(FileNotFoundError, match="gone"):
            put(transport, server.url, content(), 8)
        with pytest.raises(httpx.ReadTimeout):
            put(transport, server.url, b"whole", timeout=0.05)
        eventually(lambda: server.connections == 2)  # which it counts in its own time


def test_a_certificate_that_nobody_signed_is_told_as_such(transport: direct.DirectTransport, untrusted: str) -> None:
    with pytest.raises(httpx.ConnectError) as raised:
        put(transport, f"{untrusted}/")
    assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)


def test_a_server_that_is_trusted_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.pem"
    context = self_signed(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                while secured.recv(65536):
                    secured.sendall(GOOD)

        thread = threading.Thread(target=serve)
        thread.start()
        with direct.DirectTransport() as transport:
            for _ in range(2):
                assert put(transport, f"https://localhost:{listening.getsockname()[1]}/").content == b"{}"
        thread.join(PATIENCE_SECONDS)


def test_proxies_are_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with direct.transport() as chosen:
        assert isinstance(chosen, direct.DirectTransport)
    with Scripted(lambda number, data: GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", "/".join(proxy.url.split("/")[:3]))
        with direct.transport() as chosen:
            assert put(chosen, "http://wandb.example/x").content == b"{}"
    assert proxy.heads[0].startswith(b"PUT http://wandb.example/x HTTP/1.1\r\n")
