"""Lines to a hub on which things go wrong: a transport that hands requests on to a real hub, or does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from runstore.syncd import line
from runstore.syncd.remotes.hub import HubRemote
from tests.syncd.hubs import RunningHub

Upset = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


class Wire(httpx.BaseTransport):
    """Counts requests, and lets `upset` decide what becomes of each: it is given a call that hands it on."""

    def __init__(self, upset: Upset | None = None) -> None:
        self.upset = upset
        self.requests: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._counted(request):
            request.read()
            request.headers["Connection"] = "close"  # what is closed in a thread while another one asks is not ours

            def hand_on() -> httpx.Response:
                response = self._real.handle_request(
                    httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
                )
                response.read()
                return response

            return self.upset(request, hand_on) if self.upset else hand_on()

    def close(self) -> None:
        """Let go of connections; the courier opens and closes remotes, and this is handed to all of them."""
        self._real.close()

    @contextmanager
    def _counted(self, request: httpx.Request) -> Iterator[None]:
        with self._lock:
            self.requests.append(f"{request.method} {request.url.path}")
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1


def use(monkeypatch: pytest.MonkeyPatch, wires: dict[str, tuple[RunningHub, Wire]]) -> None:
    """Let couriers reach the remotes of these names over these wires."""

    def opened(name: str, options: object = None) -> HubRemote:
        hub, wire = wires[name]
        return HubRemote(hub.url, hub.token, name=name, transport=wire)

    monkeypatch.setattr(line, "open_remote", opened)
