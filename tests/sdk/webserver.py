"""A web server on this machine, with some files and some ways to answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    """Answers by the path: /tagged... has an ETag, /weak a weak one, /moved leads to another, /missing to none."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/tagged.txt")
        elif self.path == "/missing":
            self.send_response(404)
        else:
            self.send_response(200)
            if self.path.startswith("/tagged"):
                self.send_header("ETag", '"abc"')
            if self.path.startswith("/weak"):
                self.send_header("ETag", 'W/"abc"')
            self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"12345")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextlib.contextmanager
def web_server() -> Iterator[str]:
    """Yield the address of the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
