"""The hub's protocol over real HTTP: who may, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import runstore
from runstore.core.segments import EMPTY_MARK, SEGMENT_BYTES
from runstore.errors import NotFound, RemoteConflict, RemoteError, RemoteRefused, RemoteUnreachable, UsageError
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.remotes.base import FileEntry
from runstore.syncd.remotes.hub import HubRemote
from tests.syncd.hubs import RunningHub, hub_in_thread, hub_process, log_id_of, mark_of, random_bytes
from tests.timing import PATIENCE_SECONDS, eventually

DATA = random_bytes(3 * SEGMENT_BYTES // 2)
LOG = log_id_of(DATA)
BLOB = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def http(hub: RunningHub) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=hub.url, headers={"Authorization": f"Bearer {hub.token}"}, timeout=PATIENCE_SECONDS
    ) as client:
        yield client


def error_of(response: httpx.Response) -> str:
    return str(response.json()["error"])


def test_hub_says_who_it_is_without_a_token(hub: RunningHub) -> None:
    about = httpx.get(f"{hub.url}/v1/hub", timeout=PATIENCE_SECONDS).json()
    hub_id = (hub.data / "hub.id").read_text().strip()
    assert about == {"hub": hub_id, "version": runstore.__version__, "features": ["artifacts", "streams", "batches"]}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer rs_wrong", "Basic abc", "Bearer \xe9"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"/v1/logs/{LOG}"), ("PUT", f"/v1/logs/{LOG}?offset=0"), ("GET", "/v1/runs"), ("GET", "/x")],
)
def test_every_other_route_needs_a_token(hub: RunningHub, header: str | None, method: str, path: str) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    response = httpx.request(method, hub.url + path, headers=headers, content=b"x", timeout=PATIENCE_SECONDS)  # type: ignore[arg-type]
    assert response.status_code == 401
    assert "token" in error_of(response)
    assert not (hub.data / "logs").exists()


def test_revoked_token_is_refused_from_the_next_request_on(hub: RunningHub, remote: HubRemote) -> None:
    remote.mark(LOG)
    tokens = Tokens(hub.data)
    tokens.revoke("laptop-0")
    tokens.close()
    with pytest.raises(RemoteRefused, match="runstore hub token create"):
        remote.mark(LOG)


def test_ranges_out_of_order_and_twice_end_with_the_right_bytes(hub: RunningHub, remote: HubRemote) -> None:
    assert remote.mark(LOG) == EMPTY_MARK
    assert remote.append(LOG, 1000, DATA[1000:2000]) == EMPTY_MARK
    assert remote.append(LOG, 0, DATA[:1000]) == mark_of(DATA[:1000])
    assert remote.append(LOG, 500, DATA[500:]) == mark_of(DATA)
    assert remote.append(LOG, 0, DATA) == mark_of(DATA)
    assert hub.log_file(LOG).read_bytes() == DATA
    assert remote.counters() == {
        "ranges": 4,
        "log_bytes_received": 1000 + 1000 + len(DATA) - 500 + len(DATA),
        "log_bytes_accepted": len(DATA),
        "blobs": 0,
        "blob_bytes": 0,
        "blob_bytes_received": 0,
        "blob_bytes_accepted": 0,
    }


def test_conflict_changes_nothing(hub: RunningHub, remote: HubRemote) -> None:
    remote.append(LOG, 0, DATA)
    with pytest.raises(RemoteConflict, match="other bytes"):
        remote.append(LOG, len(DATA) - 3, b"other and longer")
    assert remote.mark(LOG) == mark_of(DATA)
    assert hub.log_file(LOG).read_bytes() == DATA


def test_many_clients_at_once_send_one_log(hub: RunningHub) -> None:
    def send(step: int) -> None:
        remote = hub.remote()
        while (at := remote.mark(LOG).size) < len(DATA):
            remote.append(LOG, at, DATA[at : at + step])
        remote.close()

    senders = [threading.Thread(target=send, args=(step,)) for step in (70_001, 100_003, 130_007, 262_144)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert hub.log_file(LOG).read_bytes() == DATA
    remote = hub.remote()
    assert remote.mark(LOG) == mark_of(DATA)
    assert remote.counters()["log_bytes_accepted"] == len(DATA)
    remote.close()


def test_range_that_is_too_long_is_refused(http: httpx.Client) -> None:
    response = http.put(f"/v1/logs/{LOG}?offset=0", content=bytes((8 << 20) + 1))
    assert response.status_code == 413
    assert "8,388,608" in error_of(response)
    assert http.get(f"/v1/logs/{LOG}").json()["size"] == 0


@pytest.mark.parametrize(
    "offset", ["", "?offset=", "?offset=-1", "?offset=1e3", "?offset=1_0", "?offset=٣", "?offset=" + "9" * 30]
)
def test_offset_that_is_no_number_is_refused(http: httpx.Client, offset: str) -> None:
    response = http.put(f"/v1/logs/{LOG}{offset}", content=b"x")
    assert response.status_code == 400
    assert "offset" in error_of(response) or "number of bytes" in error_of(response)


@pytest.mark.parametrize("name", ["%2e%2e", "..%2f..%2fetc", LOG.upper(), LOG[:-1], LOG + "%00", "a%0ab"])
def test_hostile_names_are_refused(hub: RunningHub, http: httpx.Client, name: str) -> None:
    for response in (
        http.put(f"/v1/logs/{name}?offset=0", content=b"x"),
        http.get(f"/v1/logs/{name}"),
        http.put(f"/v1/blobs/{name}", content=b"x"),
        http.get(f"/v1/blobs/{name}"),
    ):
        assert response.status_code in (400, 404, 405)
        assert error_of(response)
    assert not (hub.data / "logs").exists()
    assert list((hub.data / "blobs").iterdir()) == list((hub.data / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a\0b", "a/", 3, None, "\ud800"]
)
def test_hostile_paths_in_a_manifest_are_refused(http: httpx.Client, path: object) -> None:
    http.put(f"/v1/logs/{LOG}?offset=0", content=DATA[:10])
    body = json.dumps({"files": [{"path": path, "size": 1, "sha256": BLOB}]})
    response = http.post(f"/v1/logs/{LOG}/files", content=body)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"files": 3}', b'{"files": [3]}', b'{"files": [{"path": "a", "size": 1}]}',
             b'{"files": [{"path": "a", "size": -1, "sha256": "00"}]}', b'{"files": [{"path": "a", "size": true}]}']
)  # fmt: skip
def test_manifest_that_is_none_is_refused(http: httpx.Client, body: bytes) -> None:
    http.put(f"/v1/logs/{LOG}?offset=0", content=DATA[:10])
    response = http.post(f"/v1/logs/{LOG}/files", content=body)
    assert response.status_code == 400
    assert error_of(response)


def test_blob_comes_back_as_it_was_sent(http: httpx.Client, remote: HubRemote, tmp_path: Path) -> None:
    file, sent = tmp_path / "model.bin", list[int]()
    file.write_bytes(DATA)
    remote.append(LOG, 0, DATA[:10])
    entries = [FileEntry(f"ckpt/{k}", len(DATA), BLOB) for k in range(2500)]
    assert remote.missing_files(LOG, entries) == {BLOB}
    remote.put_file(BLOB, file, sent.append)
    assert remote.missing_files(LOG, entries) == set()
    assert sum(sent) == len(DATA)
    assert http.get(f"/v1/blobs/{BLOB}").content == DATA


def test_blob_with_another_digest_is_not_kept(hub: RunningHub, remote: HubRemote, tmp_path: Path) -> None:
    file, sent = tmp_path / "model.bin", list[int]()
    file.write_bytes(DATA + b"changed")
    with pytest.raises(RemoteConflict, match="nothing was kept"):
        remote.put_file(BLOB, file, sent.append)
    assert [path for path in (hub.data / "blobs").rglob("*") if path.is_file()] == []
    assert list((hub.data / "tmp").iterdir()) == []


def test_blob_whose_sender_goes_away_leaves_nothing(hub: RunningHub, remote: HubRemote) -> None:
    address = ("127.0.0.1", int(hub.url.rpartition(":")[2]))
    with socket.create_connection(address) as connection:
        head = f"PUT /v1/blobs/{BLOB} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
        connection.sendall(f"{head}Content-Length: {len(DATA)}\r\n\r\n".encode() + DATA[: len(DATA) // 2])
        eventually(lambda: list((hub.data / "tmp").iterdir()))  # it has begun to receive
    eventually(lambda: not list((hub.data / "tmp").iterdir()))  # it has seen the sender go
    assert [path for path in (hub.data / "blobs").rglob("*") if path.is_file()] == []


def test_full_disk_is_507(hub: RunningHub, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        response = http.put(f"/v1/logs/{LOG}?offset=0", content=DATA)
        assert response.status_code == 507
        assert "full" in error_of(response)
        assert http.put(f"/v1/blobs/{BLOB}", content=DATA).status_code == 507
    assert http.get(f"/v1/logs/{LOG}").json()["size"] == 0
    assert http.put(f"/v1/logs/{LOG}?offset=0", content=DATA).json()["size"] == len(DATA)


def test_readers_see_every_byte_acknowledged_before(tmp_path: Path) -> None:
    may_index = threading.Event()
    indexed: list[bytes] = []

    def index_log(path: Path) -> None:
        may_index.wait(PATIENCE_SECONDS)
        indexed.append(path.read_bytes())

    with hub_in_thread(tmp_path / "hub", index_log) as hub:
        remote = hub.remote()
        remote.append(LOG, 0, DATA)  # is answered although the index is not there yet
        assert indexed == []
        threading.Timer(0.2, may_index.set).start()
        remote.runs()
        assert indexed[-1] == DATA
        remote.close()


def test_log_that_cannot_be_indexed_stops_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        raise RuntimeError("a bug in the index")

    with hub_in_thread(tmp_path / "hub", fails) as hub:
        remote = hub.remote()
        remote.append(LOG, 0, DATA)
        assert remote.runs()
        remote.close()
    with hub_in_thread(tmp_path / "hub") as hub:
        remote = hub.remote()
        remote.runs()
        assert hub.indexed == [hub.log_file(LOG)]
        remote.close()


def test_reading_is_passed_to_the_reader(remote: HubRemote) -> None:
    assert remote.runs() == [{"path": "team/mnist/k3v9q2"}]
    assert math.isnan(remote.run("team/mnist/k3v9q2")["summary"]["loss"])
    expected = {"keys": ["loss", "a b&c"], "samples": 3, "loss": math.inf}
    assert remote.history("p", ["loss", "a b&c"], samples=3) == [expected]
    assert remote.history("p", [])[0]["samples"] is None
    with pytest.raises(NotFound, match="there is team/mnist"):
        remote.run("team/mnist/other")


def test_errors_of_the_framework_are_json_too(http: httpx.Client) -> None:
    assert error_of(http.get("/v1/nothing"))
    assert http.delete("/v1/runs").status_code == 405
    assert "'path' is missing" in error_of(http.get("/v1/run"))


def test_hub_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        remote = HubRemote(f"http://127.0.0.1:{unused.getsockname()[1]}", "rs_x")
        with pytest.raises(RemoteUnreachable, match=r"http://127.0.0.1:\d+: no answer .* try again"):
            remote.identity()
        remote.close()


@pytest.mark.parametrize(
    "url",
    [
        "hub.example",
        "hub:8765",
        "ftp://hub",
        "http://",
        "http://[",
        "http://a b",
        "/v1",
        "",
        "http://h:99999",
        "http://h:0",
    ],
)
def test_url_without_scheme_or_host_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="http://"):
        HubRemote(url, "rs_x")


@pytest.mark.parametrize("token", ["", " "])
def test_no_token_is_a_usage_error_that_says_where_it_is_taken_from(token: str) -> None:
    with pytest.raises(UsageError, match="set RUNSTORE_TOKEN"):
        HubRemote("http://hub", token)


@pytest.mark.parametrize("token", ["rs_ä", "rs_a\nb"])
def test_token_that_cannot_be_sent_is_a_usage_error(token: str) -> None:
    with pytest.raises(UsageError, match="paste it again"):
        HubRemote("http://hub", token)


@pytest.mark.parametrize(
    ("response", "error", "words"),
    [
        (httpx.Response(200, html="<h1>Welcome to the hotel</h1>"), RemoteError, "not a runstore hub"),
        (httpx.Response(200, json=[1]), RemoteError, "not a runstore hub"),
        (httpx.Response(200, json={"size": "3"}), RemoteError, "not a runstore hub"),
        (httpx.Response(301, headers={"Location": "https://elsewhere"}), RemoteError, "sends on to https://elsewhere"),
        (httpx.Response(404, text="nginx"), RemoteError, "HTTP 404"),
        (httpx.Response(403), RemoteRefused, "refused the token"),
        (httpx.Response(503), RemoteUnreachable, "try again later"),
        (httpx.Response(507, json={"error": "the disk is full"}), RemoteError, "the disk is full"),
    ],
)
def test_strange_answers_are_told_apart(response: httpx.Response, error: type[Exception], words: str) -> None:
    remote = HubRemote("https://hub/base/", "rs_x", transport=httpx.MockTransport(lambda request: response))
    with pytest.raises(error, match=words):
        remote.mark(LOG)
    remote.close()


def test_url_may_have_a_path() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"hub": "1234", "version": "1"})

    remote = HubRemote("https://hub/base/", "rs_x", transport=httpx.MockTransport(answer))
    assert remote.identity() == remote.identity() == "hub:1234"
    assert asked == ["https://hub/base/v1/hub"]
    remote.close()


def test_sigterm_ends_the_hub_cleanly(tmp_path: Path) -> None:
    with hub_process(tmp_path / "hub") as (url, process):
        assert httpx.get(f"{url}/v1/hub", timeout=PATIENCE_SECONDS).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "ended cleanly\n"
        assert process.returncode == 0


def test_hub_without_its_extra_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['starlette'] = None\n"
        "from runstore.errors import RunstoreError\n"
        "try:\n import runstore.syncd.hub.server\nexcept RunstoreError as error:\n print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "pip install 'runstore[hub]'" in said
