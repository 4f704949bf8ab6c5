"""Small files beside many logs in few requests: each log as if it had been alone, and what does not fit goes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.files_together import ship_files_together
from runstore.syncd.outgoing import FilesDelivered, ship_beside
from runstore.syncd.remotes.base import FILES, FileEntry
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.together import SMALL_BYTES, ship_together
from tests.syncd.hubs import RunningHub, log_id_of, random_bytes
from tests.syncd.wires import Wire
from tests.timing import PATIENCE_SECONDS

RUNS = 5


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def remote(hub: RunningHub, wire: Wire) -> Iterator[HubRemote]:
    opened = HubRemote(hub.url, hub.token, transport=wire)
    yield opened
    opened.close()


@pytest.fixture
def runs(tmp_path: Path, remote: HubRemote) -> list[Ready]:
    """Runs whose logs the hub has, with a file of their own each, one that all have, and a blob."""
    made = []
    for n in range(RUNS):
        data = random_bytes(2_000, seed=n)
        log = tmp_path / "wandb" / f"offline-run-20250102_030405-r{n}" / f"run-r{n}.wandb"
        log.parent.mkdir(parents=True)
        log.write_bytes(data)
        put(log, "files/own/metadata.json", b"%d" % n)
        put(log, "files/requirements.txt", b"numpy")
        put(log, f"blobs/{sha256(b'weights %d' % n)}", b"weights %d" % n)
        made.append(Ready(log, log_id_of(data), len(data), 20, f"r{n}"))
    assert len(ship_together(made, remote, lambda size: None)) == RUNS
    return made


def put(log: Path, path: str, data: bytes) -> None:
    place = log.parent / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def shipped(runs: list[Ready], remote: HubRemote, trusting: bool = False) -> dict[Path, FilesDelivered]:
    return ship_files_together(runs, remote, lambda size: None, lambda log: trusting)


def held_of(hub: RunningHub, digest: str) -> bytes:
    return (hub.data / "blobs" / digest[:2] / digest).read_bytes()


def test_all_arrive_in_two_requests_and_the_receipts_say_so(
    hub: RunningHub, wire: Wire, remote: HubRemote, runs: list[Ready]
) -> None:
    wire.requests.clear()
    told: list[int] = []
    done = ship_files_together(runs, remote, told.append, lambda log: False)
    assert wire.requests == ["POST /v1/files", "POST /v1/blobs"]
    assert sum(one.sent for one in done.values()) == 2 * RUNS + 1  # what all have was brought by one
    assert sum(told) == sum(one.bytes_sent for one in done.values()) == RUNS * (1 + 9) + 5
    for n, what in enumerate(runs):
        assert held_of(hub, sha256(b"%d" % n)) == b"%d" % n
        receipt = receipts.load(what.log, what.log_id)[remote.identity()]
        assert set(receipt.files) == {"own/metadata.json", "requirements.txt"}
        assert set(receipt.blobs) == {sha256(b"weights %d" % n)}
        assert receipt.files_left == 0
        assert done[what.log].receipt == receipt


def test_it_is_what_a_delivery_one_by_one_comes_to(remote: HubRemote, wire: Wire, runs: list[Ready]) -> None:
    shipped(runs, remote)
    before = {what.log: receipts.load(what.log, what.log_id) for what in runs}
    for what in runs:
        assert ship_beside(what.log, what.log_id, remote).sent == 0
    assert {what.log: receipts.load(what.log, what.log_id) for what in runs} == before


def test_whoever_trusts_the_receipts_asks_for_what_is_new_alone(
    remote: HubRemote, wire: Wire, runs: list[Ready]
) -> None:
    shipped(runs, remote)
    wire.requests.clear()
    assert len(shipped(runs, remote, trusting=True)) == RUNS
    assert wire.requests == []
    put(runs[2].log, "files/new.txt", b"new")
    done = shipped(runs, remote, trusting=True)
    assert [one.sent for one in done.values()].count(1) == 1
    assert done[runs[2].log].sent == 1
    assert set(done[runs[2].log].held[FILES]) == {"own/metadata.json", "requirements.txt", "new.txt"}


def test_what_the_hub_lost_is_sent_again_to_who_does_not_trust(
    hub: RunningHub, remote: HubRemote, runs: list[Ready]
) -> None:
    shipped(runs, remote)
    digest = sha256(b"weights 3")
    (hub.data / "blobs" / digest[:2] / digest).unlink()
    assert shipped(runs, remote)[runs[3].log].sent == 1
    assert held_of(hub, digest) == b"weights 3"


def test_large_strange_and_damaged_files_and_unknown_logs_are_left_out(
    hub: RunningHub, remote: HubRemote, runs: list[Ready], tmp_path: Path
) -> None:
    put(runs[0].log, "files/large.bin", bytes(SMALL_BYTES + 1))
    (runs[1].log.parent / "files" / "link").symlink_to(tmp_path / "nowhere")
    put(runs[2].log, f"blobs/{sha256(b'weights 2')}", b"damaged 2")
    receipts_file = next(runs[3].log.parent.glob("*.runstore.json"))
    receipts_file.unlink()
    done = shipped(runs, remote)
    assert set(done) == {runs[4].log}
    digest = sha256(b"weights 2")
    assert not (hub.data / "blobs" / digest[:2] / digest).exists()
    assert ship_beside(runs[0].log, runs[0].log_id, remote).left == 0
    assert "is damaged" in ship_beside(runs[2].log, runs[2].log_id, remote).notes[0]


def test_a_file_that_changes_after_it_was_read_is_left_out(
    remote: HubRemote, runs: list[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = remote.missing_files_of_all

    def changed_meanwhile(manifests: list[tuple[str, list[FileEntry]]]) -> list[set[str] | None]:
        answers = asked(manifests)
        put(runs[1].log, "files/own/metadata.json", b"another")
        return answers

    monkeypatch.setattr(remote, "missing_files_of_all", changed_meanwhile)
    assert set(shipped(runs, remote)) == {what.log for what in runs} - {runs[1].log}


def test_an_older_hub_is_asked_for_nothing(
    remote: HubRemote, runs: list[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "takes_batches", lambda: False)
    assert shipped(runs, remote) == {}


def test_a_log_of_which_the_hub_holds_nothing_is_said(remote: HubRemote, runs: list[Ready]) -> None:
    entry = FileEntry("a.txt", 1, sha256(b"a"))
    assert remote.missing_files_of_all([("0" * 64, [entry]), (runs[0].log_id, [entry])]) == [None, {sha256(b"a")}]


def test_bytes_of_another_digest_are_not_kept(hub: RunningHub, remote: HubRemote) -> None:
    assert remote.put_all([(sha256(b"a"), b"a"), (sha256(b"b"), b"c"), (sha256(b""), b"")]) == [True, False, True]
    assert held_of(hub, sha256(b"a")) == b"a"
    assert not list((hub.data / "tmp").iterdir())


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("files", b"no JSON"),
        ("files", orjson.dumps({"logs": [{"log_id": "../x", "files": []}]})),
        ("files", orjson.dumps({"logs": [{"log_id": "0" * 64}]})),
        ("files", orjson.dumps({"logs": [{"log_id": "0" * 64, "files": []}] * 1001})),
        ("blobs", orjson.dumps({"blobs": [{"sha256": "../x", "size": 1}]}) + b"\na"),
        ("blobs", orjson.dumps({"blobs": [{"sha256": "0" * 64, "size": 2}]}) + b"\na"),
        ("blobs", orjson.dumps({"blobs": [7]}) + b"\n"),
    ],
)
def test_what_is_no_batch_is_refused(hub: RunningHub, route: str, body: bytes) -> None:
    answer = httpx.post(
        f"{hub.url}/v1/{route}",
        content=body,
        headers={"Authorization": f"Bearer {hub.token}"},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]
