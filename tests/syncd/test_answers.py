"""What a target's answers mean, and the lack of one: "not now", "not you", "not so", or a certificate from nowhere."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from runstore.errors import RemoteError, RemoteFailed, RemoteRefused, RemoteUnfit, RemoteUnreachable
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.remotes.overhttp import retry_after

# Of "localhost", signed by itself, for a hundred years; made for this test.


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
