"""Serve the daemon's figures to Prometheus at a port of this machine alone, for those who asked for one.

Whoever may log in here can read them: they are numbers and names of remotes, no tokens and no metrics of runs.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from runstore.errors import DaemonError

ADDRESS = "127.0.0.1"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REQUEST_SECONDS = 10.0
_NAMES = (ADDRESS, "localhost")  # a web page of elsewhere that has its name point here shows another

logger = logging.getLogger("runstore.metrics")


class MetricsPort:
    """`text` is asked for at each request of `/metrics`."""

    def __init__(self, port: int, text: Callable[[], str]) -> None:
        """Listen at `port`, or, where it is 0, at any free one; raises DaemonError where that can't be."""

        class Request(_Request):
            figures = staticmethod(text)

        try:
            self._server = ThreadingHTTPServer((ADDRESS, port), Request)
        except (OSError, OverflowError) as error:
            raise DaemonError(
                f"the metrics port {port} can't be had ({error}); choose another: --metrics-port"
            ) from error
        self._server.daemon_threads = True
        self._server.block_on_close = False  # who hangs is not waited for
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="runstore-metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping = True
        if self._thread.is_alive():
            with contextlib.suppress(OSError), socket.create_connection((ADDRESS, self.port), timeout=1.0):
                pass  # wakes it
            self._thread.join(1.0)
        self._server.server_close()

    def _serve(self) -> None:
        while not self._stopping:
            self._server.handle_request()  # waits without looking up now and then: an idle daemon sleeps


class _Request(BaseHTTPRequestHandler):
    figures: Callable[[], str]
    timeout = _REQUEST_SECONDS
    server_version = "runstore"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        if (self.headers.get("Host") or "").rpartition(":")[0] not in _NAMES:
            self.send_error(403, "Only by the names of this machine")
        elif self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "There is /metrics alone")
        else:
            self._send(type(self).figures().encode("utf-8", "backslashreplace"))

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing: a request every few seconds is no news."""
