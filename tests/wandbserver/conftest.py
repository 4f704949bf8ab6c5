"""A server, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wandbserver.client import Client
from tests.wandbserver.server import RecordingServer


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    """A server that offers nothing beyond the usual."""
    with RecordingServer() as server:
        yield server


@pytest.fixture
def client(server: RecordingServer) -> Iterator[Client]:
    """A client of it."""
    with Client(server.url) as client:
        yield client
