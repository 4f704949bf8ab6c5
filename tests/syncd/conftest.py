"""What the tests of delivery share."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.index.live import LiveIndexer
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.tailing import Tails
from tests.syncd.hubs import RunningHub, hub_in_thread
from tests.syncd.tls import self_signed
from tests.syncd.wandbs import Met, met
from tests.timing import PATIENCE_SECONDS, Clock


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndexer]:
    indexer = LiveIndexer(tmp_path / "live.db")
    yield indexer
    indexer.close()


@pytest.fixture
def tails(live: LiveIndexer, clock: Clock) -> Tails:
    return Tails(live, clock)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with hub_in_thread(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def remote(hub: RunningHub) -> Iterator[HubRemote]:
    opened = hub.remote()
    yield opened
    opened.close()


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """The URL of a server whose certificate nobody has signed."""
    context = self_signed(tmp_path / "self-signed.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):  # the client has seen enough
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
def meeting() -> Iterator[Met]:
    with met() as both:
        yield both
