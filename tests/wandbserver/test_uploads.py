"""Addresses for bytes work as signed ones do: as offered, without the key, whole, and only for what they are for."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from tests.wandbserver.client import CREATE_FILES, Client, md5_of
from tests.wandbserver.server import RecordingServer


def offered(client: Client, path: str = "media/images/a b.png") -> tuple[str, list[str]]:
    client.upsert()
    answer = client.tell(CREATE_FILES, **client.place, files=[path])
    return answer["files"][0]["uploadUrl"], answer["uploadHeaders"]


def test_file_that_was_put_is_held_and_may_be_called_uploaded(server: RecordingServer, client: Client) -> None:
    client.upsert()
    assert client.put_file("media/a b.png", b"some bytes").status_code == 200
    assert client.put_file("empty", b"").status_code == 200
    assert client.push(uploaded=["media/a b.png", "empty"]).status_code == 200
    assert server.run("k3v9q2").files == {"media/a b.png": b"some bytes", "empty": b""}
    assert [(one.kind, one.name) for one in server.requests if one.method == "PUT"] == [
        ("file", "media/a b.png"),
        ("file", "empty"),
    ]


def test_address_says_nothing_of_what_it_is_for(client: Client) -> None:
    url, _ = offered(client)
    assert "k3v9q2" not in url
    assert "media" not in url


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../other", "a//b", "a/./b", "a\\b"])
def test_path_that_leads_elsewhere_gets_no_address(client: Client, path: str) -> None:
    client.upsert()
    assert "no relative path" in client.complaint(CREATE_FILES, **client.place, files=[path])


def test_unknown_address_is_not_found(server: RecordingServer, client: Client) -> None:
    assert client.put(f"{server.url}/storage/{'0' * 40}", b"x").status_code == 404
    assert client.put(f"{server.url}/upload/run/tester/equipment/k3v9q2/a", b"x").status_code == 404


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Authorization": "Basic YXBpOmtleQ=="}, 400),
        ({"X-Storage-Owner": "someone"}, 403),
        ({"Content-MD5": md5_of(b"other bytes")}, 400),
    ],
)
def test_bytes_are_not_taken_otherwise_than_offered(
    server: RecordingServer, client: Client, more: dict[str, str], status: int
) -> None:
    url, headers = offered(client)
    assert client.put(url, b"some bytes", headers, **more).status_code == status
    assert server.run("k3v9q2").files == {}
    assert len(server.errors) == 1
    assert client.put(url, b"some bytes", headers).status_code == 200


def test_headers_of_the_offer_must_come_along(client: Client) -> None:
    url, _ = offered(client)
    assert client.put(url, b"some bytes").status_code == 403


def test_bytes_without_a_length_are_not_taken(server: RecordingServer, client: Client) -> None:
    url, headers = offered(client)
    told = urlsplit(url)
    connection = http.client.HTTPConnection(told.netloc)
    sent = dict(header.split(":", 1) for header in headers)
    connection.request("PUT", f"{told.path}?{told.query}", iter([b"some ", b"bytes"]), sent, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()
    assert server.run("k3v9q2").files == {}


def test_half_a_body_is_not_taken(server: RecordingServer, client: Client) -> None:
    url, headers = offered(client)
    told = urlsplit(url)
    connection = http.client.HTTPConnection(told.netloc)
    connection.putrequest("PUT", f"{told.path}?{told.query}")
    for header in headers:
        connection.putheader(*header.split(":", 1))
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    connection.send(b"some ")
    assert connection.sock is not None
    connection.sock.shutdown(1)  # the client dies
    with pytest.raises((http.client.BadStatusLine, ConnectionError)):
        connection.getresponse()
    connection.close()
    assert server.run("k3v9q2").files == {}


def test_addresses_may_be_relative_to_the_server() -> None:
    with RecordingServer(has_relative_uploads=True) as server, Client(server.url) as client:
        url, headers = offered(client)
        assert url.startswith("/storage/")
        assert client.put(url, b"some bytes", headers).status_code == 200
