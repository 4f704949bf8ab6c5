"""HTTP/1.1 for thousands of small requests: a transport for httpx that costs a quarter of the time of its own.

A run with a thousand images is a thousand requests, and its server's answers are a few bytes each: what httpx does
around a request takes half a millisecond of processor time then, and threads can't share that. Connections are kept
and used again, each by one request at a time. Proxies are httpx's business: see `transport`.
"""

from __future__ import annotations

import http.client
import select
import ssl
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from runstore.syncd.remotes.bounded import ANSWER_BYTES

# What says how the body was sent; of the one that was read it is not so any more.
_OF_THE_TRANSFER = frozenset(("content-length", "transfer-encoding"))

# What is between may forget a connection on which nothing is said for long, without telling anybody.
_IDLE_SECONDS = 30.0

_PACKED_PIECE_BYTES = 16 << 10  # which are 16 MB at most once they are unpacked

_Origin = tuple[str, str, int]


def transport() -> httpx.BaseTransport:
    """Return what carries requests as fast as the user's proxies allow."""
    proxies = urllib.request.getproxies()
    return ThroughClient() if proxies.keys() & {"http", "https", "all"} else DirectTransport()


class ThroughClient(httpx.BaseTransport):
    """httpx's own way, which knows of proxies."""

    def __init__(self) -> None:
        self._client = httpx.Client()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, which is read by whoever asked."""
        return self._client.send(request, stream=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class DirectTransport(httpx.BaseTransport):
    """Connections to any number of servers; may be used by several threads at once.

    Raises httpx's errors for what goes wrong on the way, and whatever the request's content raises.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._idle: dict[_Origin, list[tuple[http.client.HTTPConnection, float]]] = defaultdict(list)
        self._trust: ssl.SSLContext | None = None
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, all of which is here."""
        url = request.url
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"no request can be made to {url.scheme}://", request=request)
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        connection = self._connection(origin, request)
        try:
            response, stays = _exchange(connection, request)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if stays and not self._is_closed:
                self._idle[origin].append((connection, self._clock()))
                return response
        connection.close()
        return response

    def close(self) -> None:
        """Close the connections that nobody uses; the others close when they are done."""
        with self._lock:
            self._is_closed = True
            idle = [connection for connections in self._idle.values() for connection, _ in connections]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _connection(self, origin: _Origin, request: httpx.Request) -> http.client.HTTPConnection:
        """Return a connection to this server that is good, as far as one can know."""
        timeouts = request.extensions.get("timeout", {})
        connection = self._kept(origin) or self._connected(origin, timeouts.get("connect"), request)
        assert connection.sock is not None
        connection.sock.settimeout(timeouts.get("read"))
        return connection

    def _kept(self, origin: _Origin) -> http.client.HTTPConnection | None:
        """Return a connection to this server that was used before and is good; None where there is none."""
        while True:
            with self._lock:
                if not self._idle[origin]:
                    return None
                connection, since = self._idle[origin].pop()
            if self._clock() - since < _IDLE_SECONDS and not _is_over(connection):
                return connection
            connection.close()

    def _connected(self, origin: _Origin, timeout: float | None, request: httpx.Request) -> http.client.HTTPConnection:
        scheme, host, port = origin
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._trusted())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.connect()
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time", request=request) from error
        except (OSError, UnicodeError) as error:  # ssl's and socket's own are OSErrors; the other is of no host's name
            raise httpx.ConnectError(str(error), request=request) from error
        return connection

    def _trusted(self) -> ssl.SSLContext:
        """Return whom httpx would trust; reading that takes 50 ms, which only those pay who need it."""
        with self._lock:
            if self._trust is None:
                self._trust = httpx.create_ssl_context()
                self._trust.set_alpn_protocols(["http/1.1"])
            return self._trust


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Return whether the other side has hung up meanwhile: between two requests it has nothing to say."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _exchange(connection: http.client.HTTPConnection, request: httpx.Request) -> tuple[httpx.Response, bool]:
    """Return the answer to a request, and whether the connection can be used again."""
    with _as_httpx_says_it(request):
        connection.putrequest(
            request.method, request.url.raw_path.decode("ascii"), skip_host=True, skip_accept_encoding=True
        )
        for name, value in request.headers.raw:
            connection.putheader(name.decode("ascii"), value)
        connection.endheaders()
    was_sent = _send_body(connection, request)
    with _as_httpx_says_it(request), connection.getresponse() as answer:
        content = answer.read(ANSWER_BYTES + 1)
    if len(content) > ANSWER_BYTES:
        raise httpx.RemoteProtocolError(f"an answer of more than {ANSWER_BYTES:,} bytes", request=request)
    if answer.length:
        raise httpx.RemoteProtocolError("an answer that breaks off", request=request)
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_TRANSFER]
    stays = was_sent and not answer.will_close
    if answer.headers["Content-Encoding"]:
        return httpx.Response(answer.status, headers=headers, stream=_Packed(content)), stays
    return httpx.Response(answer.status, headers=headers, content=content), stays


class _Packed(httpx.SyncByteStream):
    """The body of an answer that is unpacked piece by piece, by somebody who stops when it is too much."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), _PACKED_PIECE_BYTES):
            yield self._content[at : at + _PACKED_PIECE_BYTES]


def _send_body(connection: http.client.HTTPConnection, request: httpx.Request) -> bool:
    """Send the content; return False where the other side hung up before its end: its answer may say why."""
    assert isinstance(request.stream, httpx.SyncByteStream)
    for piece in request.stream:
        with _as_httpx_says_it(request):
            try:
                connection.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                return False
    return True


@contextmanager
def _as_httpx_says_it(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's errors for those of sockets, and of what they brought."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout("no answer in time", request=request) from error
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(str(error) or type(error).__name__, request=request) from error
    except OSError as error:  # ssl's own are such
        raise httpx.ReadError(str(error), request=request) from error
    except ValueError as error:  # a header that can't be sent
        raise httpx.LocalProtocolError(str(error), request=request) from error
