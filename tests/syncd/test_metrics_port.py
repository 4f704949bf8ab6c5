"""Figures at a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from runstore.errors import DaemonError
from runstore.syncd.metrics_port import MetricsPort
from tests.timing import PATIENCE_SECONDS


@pytest.fixture
def served() -> Iterator[MetricsPort]:
    numbers = iter(range(10))
    port = MetricsPort(0, lambda: f"runstore_asked {next(numbers)}\n")
    port.start()
    yield port
    port.stop()


def test_figures_are_those_of_the_moment(served: MetricsPort) -> None:
    for n in range(2):
        answer = httpx.get(f"http://localhost:{served.port}/metrics", timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200
        assert answer.text == f"runstore_asked {n}\n"
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_there_is_nothing_else(served: MetricsPort) -> None:
    assert httpx.get(f"http://127.0.0.1:{served.port}/", timeout=PATIENCE_SECONDS).status_code == 404
    assert httpx.post(f"http://127.0.0.1:{served.port}/metrics", timeout=PATIENCE_SECONDS).status_code == 501


def test_a_web_page_that_has_its_name_point_here_is_refused(served: MetricsPort) -> None:
    for host in ("evil.example", f"evil.example:{served.port}", ""):
        answer = httpx.get(f"http://127.0.0.1:{served.port}/metrics", headers={"Host": host}, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 403


def test_a_client_that_hangs_holds_up_nobody_nor_the_stop(served: MetricsPort) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as hanging:
        hanging.sendall(b"GET /met")
        assert httpx.get(f"http://127.0.0.1:{served.port}/metrics", timeout=PATIENCE_SECONDS).status_code == 200


def test_a_port_that_is_taken_is_said(served: MetricsPort) -> None:
    with pytest.raises(DaemonError, match=f"metrics port {served.port} can't be had"):
        MetricsPort(served.port, str)
