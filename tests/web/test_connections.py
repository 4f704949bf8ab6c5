"""Connections that take room from others: too many of them, and those that say nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from runstore.web.connections import protocol_for, room
from tests.timing import PATIENCE_SECONDS, eventually


@contextlib.contextmanager
def served(most: int, first_request_s: float = 60) -> Iterator[int]:
    """Yield the port of a server with so much room."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            Starlette(),
            http=protocol_for(most, first_request_s),
            log_level="critical",
            lifespan="off",
            timeout_keep_alive=round(PATIENCE_SECONDS),  # who was answered once keeps the place meanwhile
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_connections_that_there_is_no_room_for_are_closed_and_others_go_on() -> None:
    with served(most=3) as port, httpx.Client(timeout=PATIENCE_SECONDS) as first, contextlib.ExitStack() as opened:
        assert first.get(f"http://127.0.0.1:{port}/").status_code == 404
        many = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(10)]
        assert eventually(lambda: sum(map(is_closed, many)) == 8)
        assert first.get(f"http://127.0.0.1:{port}/").status_code == 404


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_does_not_end_a_first_request_is_hung_up_on(said: bytes) -> None:
    with served(most=10, first_request_s=0.2) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(said)
        assert eventually(lambda: is_closed(connection))


def test_there_is_always_room_for_files_beside_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        space = room()
        assert space.connections + space.backlog < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
