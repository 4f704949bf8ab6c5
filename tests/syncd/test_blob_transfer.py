"""Large files on their way to a hub: broken off anywhere, on either side, they go on from there, and end up right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from runstore.errors import RemoteConflict, RemoteError, RemoteUnreachable, UsageError
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.hub.blobs import Blobs
from runstore.syncd.hub.partials import KEPT_SECONDS
from runstore.syncd.remotes import uploading
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.remotes.uploading import ONE_REQUEST_BYTES
from tests.syncd.hubs import RunningHub, hub_in_thread, hub_process, program, random_bytes
from tests.timing import PATIENCE_SECONDS, eventually

MIB = 1 << 20
DATA = random_bytes(2 * ONE_REQUEST_BYTES + 12_345)
BLOB = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs-alone")


def ignore(sent: int) -> None: ...


def put(remote: HubRemote, path: Path) -> int:
    return remote.put_file(BLOB, path, ignore)


def held(data: Path) -> list[bytes]:
    return [path.read_bytes() for path in (data / "blobs").rglob("*") if path.is_file()]


def partial(data: Path) -> Path:
    return data / "partial" / BLOB


def until_it_has(data: Path, size: int) -> int:
    """Wait until a hub holds so much of the blob, and return how much it is."""
    eventually(lambda: partial(data).exists() and partial(data).stat().st_size >= size, every=0.001)
    return partial(data).stat().st_size


def leave_half(remote: HubRemote, data: bytes = DATA, size: int = len(DATA)) -> int:
    """Send the first half, as a transfer does that breaks off there."""
    answer = remote.connection.send(
        "PUT", f"/v1/blobs/{BLOB}", params={"offset": 0, "size": size}, content=data[: size // 2]
    )
    return remote.connection.field(answer, "held", int)


# In ranges.


def test_large_file_arrives_in_ranges(
    hub: RunningHub, remote: HubRemote, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "RANGE_BYTES", 3 * MIB)
    pieces: list[int] = []
    assert remote.put_file(BLOB, model, pieces.append) == sum(pieces) == len(DATA)
    assert held(hub.data) == [DATA]
    assert list((hub.data / "partial").iterdir()) == []
    counters = remote.counters()
    assert (counters["blobs"], counters["blob_bytes"], counters["blob_bytes_received"]) == (1, len(DATA), len(DATA))


def test_transfer_that_broke_off_goes_on_where_it_was(hub: RunningHub, remote: HubRemote, model: Path) -> None:
    assert leave_half(remote) == len(DATA) // 2
    assert put(remote, model) == len(DATA) - len(DATA) // 2
    assert held(hub.data) == [DATA]
    assert remote.counters()["blob_bytes_received"] == len(DATA)


def test_blob_that_the_hub_holds_is_not_sent_again(remote: HubRemote, model: Path) -> None:
    put(remote, model)
    assert put(remote, model) == 0
    assert remote.counters()["blob_bytes_received"] == len(DATA)


SENDER_PROGRAM = """
import os, signal, sys
from pathlib import Path
from runstore.syncd.remotes.hub import HubRemote

path, digest, url, token = sys.argv[1:]
sent = 0

def kill_in_the_middle(size):
    global sent
    sent += size
    if sent >= 5 << 20:
        os.kill(os.getpid(), signal.SIGKILL)

HubRemote(url, token).put_file(digest, Path(path), kill_in_the_middle)
"""


def test_sender_killed_in_the_middle_sends_only_the_rest(hub: RunningHub, remote: HubRemote, model: Path) -> None:
    with program(SENDER_PROGRAM, str(model), BLOB, hub.url, hub.token) as sender:
        assert sender.wait(60) == -signal.SIGKILL
    before = until_it_has(hub.data, 4 * MIB)  # what is on its way still arrives
    assert put(remote, model) <= len(DATA) - before
    assert held(hub.data) == [DATA]
    counters = remote.counters()
    assert counters["blob_bytes_accepted"] == len(DATA)
    assert counters["blob_bytes_received"] <= len(DATA) + 2 * MIB  # what was underway as the second one began


def test_hub_killed_in_the_middle_gets_only_the_rest(tmp_path: Path, model: Path) -> None:
    data = tmp_path / "killed-hub"
    tokens = Tokens(data)
    token = tokens.create("laptop")
    tokens.close()
    with hub_process(data) as (url, process):
        remote = HubRemote(url, token)
        sent = 0

        def kill_in_the_middle(size: int) -> None:
            nonlocal sent
            sent += size
            if sent == 7 * MIB:
                until_it_has(data, MIB)
                process.kill()
                process.wait()

        with pytest.raises(RemoteUnreachable):
            remote.put_file(BLOB, model, kill_in_the_middle)
        remote.close()
    before = partial(data).stat().st_size
    assert MIB <= before <= 7 * MIB
    with hub_process(data) as (url, _):
        remote = HubRemote(url, token)
        assert put(remote, model) == len(DATA) - before
        assert remote.counters()["blob_bytes_received"] == len(DATA) - before
        remote.close()
    assert held(data) == [DATA]


def test_many_senders_of_one_blob_do_no_harm(hub: RunningHub, remote: HubRemote, model: Path) -> None:
    def send() -> None:
        opened = hub.remote()
        put(opened, model)
        opened.close()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert held(hub.data) == [DATA]
    counters = remote.counters()
    assert (counters["blobs"], counters["blob_bytes_accepted"]) == (1, len(DATA))


# Bytes that do not fit.


def test_partial_that_others_spoiled_is_thrown_away_and_sent_anew(
    hub: RunningHub, remote: HubRemote, model: Path
) -> None:
    leave_half(remote, bytes(len(DATA)))
    assert put(remote, model) == len(DATA) - len(DATA) // 2 + len(DATA)
    assert held(hub.data) == [DATA]


@pytest.mark.parametrize("hubs", [1, 2])
def test_partial_that_the_disk_spoiled_is_noticed(tmp_path: Path, model: Path, hubs: int) -> None:
    data = tmp_path / "hub"
    with contextlib.ExitStack() as stack:
        remote = stack.enter_context(hub_in_thread(data)).remote()
        leave_half(remote)
        with partial(data).open("r+b") as file:
            file.seek(1000)
            file.write(bytes([DATA[1000] ^ 1]))
        if hubs == 2:  # one that hashed nothing of it
            remote.close()
            stack.pop_all().close()
            remote = stack.enter_context(hub_in_thread(data)).remote()
        assert put(remote, model) > len(DATA)
        remote.close()
    assert held(data) == [DATA]


def test_file_with_another_digest_leaves_nothing(hub: RunningHub, remote: HubRemote, model: Path) -> None:
    model.write_bytes(bytes(len(DATA)))
    with pytest.raises(RemoteConflict, match="nothing was kept"):
        put(remote, model)
    assert (held(hub.data), list((hub.data / "partial").iterdir())) == ([], [])


def test_sender_with_a_wrong_size_does_not_keep_others_from_sending(
    hub: RunningHub, remote: HubRemote, model: Path
) -> None:
    leave_half(remote, bytes(4 * len(DATA)), 4 * len(DATA))
    assert put(remote, model) == len(DATA)
    assert held(hub.data) == [DATA]


def test_file_that_shrinks_while_it_is_sent_is_said(remote: HubRemote, model: Path) -> None:
    def shrink(sent: int) -> None:
        os.truncate(model, MIB)

    with pytest.raises(RemoteError, match=r"takes no more of .*model.bin than"):
        remote.put_file(BLOB, model, shrink)


@pytest.mark.parametrize("query", ["?offset=0", "?offset=x&size=3", "?offset=0&size=-1", "?offset=9&size=3"])
def test_range_that_can_be_no_part_of_a_blob_is_refused(hub: RunningHub, query: str) -> None:
    headers = {"Authorization": f"Bearer {hub.token}"}
    response = httpx.put(f"{hub.url}/v1/blobs/{BLOB}{query}", headers=headers, content=b"abc", timeout=PATIENCE_SECONDS)
    assert response.status_code == 400
    assert list((hub.data / "partial").iterdir()) == []


def test_range_behind_the_end_adds_nothing(blobs: Blobs) -> None:
    size = len(DATA)
    assert blobs.append(BLOB, 10, DATA[10:20], size) == (0, False, 0)
    assert blobs.append(BLOB, 0, DATA[:100], size) == (100, False, 100)
    assert blobs.append(BLOB, 50, DATA[50:150], size) == (150, False, 50)
    assert blobs.append(BLOB, 151, DATA[151:], size) == (150, False, 0)
    assert blobs.append(BLOB, 0, DATA, size) == (size, True, size - 150)
    assert blobs.held(BLOB).read_bytes() == DATA
    assert blobs.append(BLOB, 0, b"", size) == (size, True, 0)


def test_empty_blob_has_its_digest_too(blobs: Blobs) -> None:
    empty = hashlib.sha256().hexdigest()
    assert blobs.append(empty, 0, b"", 0).whole
    with pytest.raises(UsageError, match="do not have the digest"):
        blobs.append(BLOB, 0, b"", 0)


def test_hub_killed_before_it_named_a_whole_blob_names_it_when_asked(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "blobs-alone" / "partial" / BLOB).write_bytes(DATA)
    assert blobs.append(BLOB, 0, b"", len(DATA)).whole
    assert blobs.held(BLOB).read_bytes() == DATA


def test_partials_nobody_came_back_for_are_thrown_away(blobs: Blobs, tmp_path: Path) -> None:
    folder = tmp_path / "blobs-alone" / "partial"
    blobs.append(BLOB, 0, DATA[:100], len(DATA))
    grown = (folder / BLOB).stat().st_mtime
    (folder / "not a digest").touch()
    blobs.partials.expire(now=grown + KEPT_SECONDS - 1)
    assert blobs.append(BLOB, 0, b"", len(DATA)).held == 100
    blobs.partials.expire(now=grown + KEPT_SECONDS + 1)
    assert blobs.append(BLOB, 0, b"", len(DATA)).held == 0
    os.utime(folder / "not a digest", (0, 0))
    blobs.append(BLOB, 0, DATA[:100], len(DATA))
    os.utime(folder / BLOB, (0, 0))
    Blobs(tmp_path / "blobs-alone")
    assert [path.name for path in folder.iterdir()] == ["not a digest"]


def test_hub_of_before_takes_a_large_file_in_one_request(model: Path) -> None:
    asked: list[str] = []

    def old_hub(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}?{request.url.query.decode()}")
        if request.url.path == "/v1/hub":
            return httpx.Response(200, json={"hub": "1234", "version": "0.0.9"})
        assert hashlib.sha256(request.read()).hexdigest() == BLOB
        return httpx.Response(200, json={"size": len(DATA)})

    remote = HubRemote("https://hub", "rs_x", transport=httpx.MockTransport(old_hub))
    assert put(remote, model) == len(DATA)
    assert asked == ["GET /v1/hub?", f"PUT /v1/blobs/{BLOB}?"]
    assert "too old to keep artifacts (version 0.0.9)" in remote.refuses_blobs()
    with contextlib.closing(remote):
        assert remote.identity() == "hub:1234"


# And back.


def test_part_of_a_blob_can_be_asked_for(hub: RunningHub, remote: HubRemote, model: Path) -> None:
    put(remote, model)
    assert b"".join(remote.connection.streamed(f"/v1/blobs/{BLOB}", 0)) == DATA
    assert b"".join(remote.connection.streamed(f"/v1/blobs/{BLOB}", 5 * MIB)) == DATA[5 * MIB :]
