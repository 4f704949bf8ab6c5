"""HTTP/1.1 for thousands of small requests: a transport for httpx that costs a quarter of the time of its own.

A run with a thousand images is a thousand requests, and its server's answers are a few bytes each: what httpx does
around a request takes half a millisecond of processor time then, and threads can't share that. Connections are kept
and used again, each by one request at a time. Proxies are httpx's business: see `transport`.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable

import httpx

from runstore.syncd.remotes.bounded import ANSWER_BYTES
from runstore.syncd.remotes.exchange import Connection

# What is between may forget a connection on which nothing is said for long, without telling anybody.
_IDLE_SECONDS = 30.0

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
        self._idle: dict[_Origin, list[tuple[Connection, float]]] = defaultdict(list)
        self._trust: ssl.SSLContext | None = None
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, all of which is here."""
        url = request.url
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"no request can be made to {url.scheme}://", request=request)
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        timeouts = request.extensions.get("timeout", {})
        connection = self._kept(origin) or self._connected(origin, timeouts.get("connect"), request)
        try:
            response, stays = connection.exchange(request, timeouts.get("read"), ANSWER_BYTES)
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

    def _kept(self, origin: _Origin) -> Connection | None:
        """Return a connection to this server that was used before and is good; None where there is none."""
        while True:
            with self._lock:
                if not self._idle[origin]:
                    return None
                connection, since = self._idle[origin].pop()
            if self._clock() - since < _IDLE_SECONDS and not connection.is_over():
                return connection
            connection.close()

    def _connected(self, origin: _Origin, timeout: float | None, request: httpx.Request) -> Connection:
        scheme, host, port = origin
        try:
            opened = socket.create_connection((host, port), timeout)
            try:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if scheme == "https":
                    opened = self._trusted().wrap_socket(opened, server_hostname=host)
            except BaseException:
                opened.close()
                raise
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time", request=request) from error
        except (OSError, UnicodeError) as error:  # ssl's and socket's own are OSErrors; the other is of no host's name
            raise httpx.ConnectError(str(error), request=request) from error
        return Connection(opened)

    def _trusted(self) -> ssl.SSLContext:
        """Return whom httpx would trust; reading that takes 50 ms, which only those pay who need it."""
        with self._lock:
            if self._trust is None:
                self._trust = httpx.create_ssl_context()
                self._trust.set_alpn_protocols(["http/1.1"])
            return self._trust
