"""What a target's answers mean, and the lack of one: "not now", "not you", "not so", or a certificate from nowhere."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from runstore.errors import RemoteError, RemoteFailed, RemoteRefused, RemoteUnfit, RemoteUnreachable
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.remotes.overhttp import retry_after

# Of "localhost", signed by itself, for a hundred years; made for this test.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUcZjUUQDFkZ7FZzBXJTzMu0lWc0owCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE3Mzc1M1oYDzIxMjYxMDI4
MTczNzUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASUunRx1iLfeVHPUZ2zkCH41ZnSH8gncyqlyur4or77hY92Xgkg+O3C
WU2Ms0Zenf1/ECa4kUdhIrkn+KkskkOio28wbTAdBgNVHQ4EFgQUqXQpXcr82B1S
zZShP62h0yU27howHwYDVR0jBBgwFoAUqXQpXcr82B1SzZShP62h0yU27howDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgZY2jsAe0+wiMELk2RbehZ00p8Tb4Jm2EC11pPTFyYMwCIQDs
T4hDn8EX7mEw7aUZd8Bv5+wc2Lhw1Oorhcz5fkKzjA==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg00jNeelc9XPSzlEj
NxEE5C/BPUae5/e2PScBemSimZ6hRANCAASUunRx1iLfeVHPUZ2zkCH41ZnSH8gn
cyqlyur4or77hY92Xgkg+O3CWU2Ms0Zenf1/ECa4kUdhIrkn+KkskkOi
-----END PRIVATE KEY-----
"""


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """The URL of a server whose certificate nobody has signed."""
    path = tmp_path / "self-signed.pem"
    path.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):  # the client has seen enough
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        thread.join(10)


def test_a_certificate_that_cannot_be_trusted_is_for_a_person(untrusted: str) -> None:
    remote = HubRemote(untrusted, "rs_x")
    with pytest.raises(RemoteUnfit, match="its certificate can't be trusted .*self-signed.*nothing was sent"):
        remote.identity()
    remote.close()


def test_an_answer_without_an_end_is_not_read_for_ever() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    for status in (200, 500):
        transport = httpx.MockTransport(lambda request, status=status: httpx.Response(status, content=endless()))
        remote = HubRemote("http://hub", "rs_x", transport=transport)
        with pytest.raises(RemoteUnreachable, match="an answer of more than 67,108,864 bytes"):
            remote.identity()


def test_an_answer_that_was_packed_is_unpacked() -> None:
    packed = gzip.compress(b'{"hub": "hub:1", "version": "1", "features": []}')
    headers = {"Content-Encoding": "gzip"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=packed, headers=headers))
    assert "hub:1" in HubRemote("http://hub", "rs_x", transport=transport).identity()


def test_who_sends_on_to_another_address_is_for_a_person() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(308, headers={"Location": "https://hub/v1/hub"}))
    with pytest.raises(RemoteUnfit, match="sends on to https://hub/v1/hub; nothing was sent there"):
        HubRemote("http://hub", "rs_x", transport=transport).identity()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RemoteError),
        (401, RemoteRefused),
        (403, RemoteRefused),
        (410, RemoteUnfit),
        (413, RemoteError),
        (426, RemoteUnfit),
        (429, RemoteUnreachable),
        (500, RemoteFailed),
        (502, RemoteUnreachable),
        (503, RemoteUnreachable),
        (504, RemoteUnreachable),
        (505, RemoteUnfit),
        (507, RemoteUnreachable),
        (599, RemoteFailed),
    ],
)
def test_each_status_says_whose_trouble_it_is(status: int, kind: type[RemoteError]) -> None:
    answer = httpx.Response(status, json={"error": "a sentence of the hub"}, headers={"Retry-After": "7"})
    remote = HubRemote("http://hub", "rs_x", transport=httpx.MockTransport(lambda request: answer))
    with pytest.raises(RemoteError) as raised:
        remote.mark("0" * 64)
    assert type(raised.value) is kind
    if kind is not RemoteRefused:
        assert "a sentence of the hub" in str(raised.value)
    if isinstance(raised.value, RemoteUnreachable):
        assert raised.value.retry_after == 7
    remote.close()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("120", 120),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 1.5),
        ("1e9", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_the_time_to_wait_is_read(given: str, seconds: float) -> None:
    assert retry_after(httpx.Response(503, headers={"Retry-After": given})) == seconds


def test_the_time_to_wait_may_be_a_date() -> None:
    until = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=100), usegmt=True)
    assert 90 < retry_after(httpx.Response(503, headers={"Retry-After": until})) <= 100
