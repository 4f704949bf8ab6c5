"""Artifacts' blobs go to the hub as files do: those it lacks, once, and never one that is still being written."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from runstore.errors import RemoteUnreachable
from runstore.syncd import receipts, stamps
from runstore.syncd.courier import Courier
from runstore.syncd.delivery import Ready
from runstore.syncd.hub.storage import Storage
from runstore.syncd.outgoing import ship_beside
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.remotes.configured import add_remote
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.shipper import Shipment, ship
from tests.syncd.hubs import RunningHub, hub_in_thread, log_below, log_id_of, random_bytes
from tests.timing import PATIENCE_SECONDS, eventually

DATA = random_bytes(50_000)
LOG = log_id_of(DATA)
WEIGHTS = random_bytes(9 << 20, 1)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
RESCUED = f"md5-{hashlib.md5(b'stock').hexdigest()}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = log_below(tmp_path / "wandb", DATA)
    (path.parent / "blobs").mkdir()
    (path.parent / "files").mkdir()
    (path.parent / "files" / RESCUED).write_bytes(b"a file of that name")
    (path.parent / "blobs" / DIGEST).write_bytes(WEIGHTS)
    (path.parent / "blobs" / RESCUED).write_bytes(b"stock")
    (path.parent / "blobs" / ".partial-17-abc").write_bytes(b"half")
    return path


class Meddling(HubRemote):
    """A remote in whose way something happens before each file is sent."""

    before_put: Callable[[Path], None] = staticmethod(lambda path: None)

    def put_file(self, digest: str, path: Path, progress: Callable[[int], None]) -> int:
        self.before_put(path)
        return super().put_file(digest, path, progress)


@pytest.fixture
def remote(hub: RunningHub) -> Iterator[Meddling]:
    opened = Meddling(hub.url, hub.token)
    yield opened
    opened.close()


def deliver(log: Path, remote: HubRemote, progress: Callable[[int], None] = lambda sent: None) -> Shipment:
    return ship(log, LOG, log.stat().st_size, 1, remote, progress=progress)


def on_the_hub(data: Path) -> dict[str, list[tuple[str, int]]]:
    storage = Storage(data)
    found = {folder: [(file.path, file.size) for file in storage.files(LOG, folder)] for folder in (FILES, BLOBS)}
    storage.close()
    return found


def test_blobs_arrive_in_a_folder_of_their_own(tmp_path: Path, log: Path) -> None:
    with hub_in_thread(tmp_path / "lab") as hub:
        remote = hub.remote()
        ranges: list[int] = []
        shipment = deliver(log, remote, ranges.append)
        remote.close()
    assert (shipment.files_sent, shipment.files_left, shipment.verified, shipment.note) == (3, 0, True, "")
    assert shipment.file_bytes_sent == len(WEIGHTS) + 5 + 19
    assert sum(ranges) == len(DATA) + shipment.file_bytes_sent
    assert on_the_hub(tmp_path / "lab") == {
        FILES: [(RESCUED, 19)],
        BLOBS: sorted([(DIGEST, len(WEIGHTS)), (RESCUED, 5)]),
    }


def test_second_delivery_sends_and_reads_nothing(remote: Meddling, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(log, remote)
    before = remote.counters()
    monkeypatch.setattr(stamps, "stamp_of", None)
    assert deliver(log, remote) == Shipment(0, 0, 0, 0, verified=True)
    assert remote.counters() == before
    (receipt,) = receipts.load(log, LOG).values()
    assert (set(receipt.files), set(receipt.blobs)) == ({RESCUED}, {DIGEST, RESCUED})


def test_what_the_receipt_says_is_not_asked_again_by_who_trusts_it(
    remote: Meddling, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(log, remote)
    monkeypatch.setattr(remote, "missing_files", None)
    assert ship_beside(log, LOG, remote, trusting=True).left == 0
    (receipt,) = receipts.load(log, LOG).values()
    assert set(receipt.blobs) == {DIGEST, RESCUED}


def test_new_blob_of_a_growing_log_is_sent_alone(remote: Meddling, log: Path) -> None:
    deliver(log, remote)
    with log.open("ab") as file:
        file.write(bytes(1000))
    (log.parent / "blobs" / hashlib.sha256(b"next").hexdigest()).write_bytes(b"next")
    assert ship_beside(log, LOG, remote, trusting=True).sent == 1
    (receipt,) = receipts.load(log, LOG).values()
    assert (receipt.size, len(receipt.blobs)) == (len(DATA), 3)


def test_log_and_files_that_are_delivered_at_once_share_a_receipt(remote: Meddling, log: Path) -> None:
    with log.open("ab") as file:
        file.write(bytes(1000))
    ship(log, LOG, len(DATA), 1, remote, beside=False)

    def log_grows(path: Path) -> None:
        ship(log, LOG, len(DATA) + 1000, 2, remote, beside=False)

    remote.before_put = log_grows
    assert ship_beside(log, LOG, remote).sent == 3
    (receipt,) = receipts.load(log, LOG).values()
    assert (receipt.size, receipt.records) == (len(DATA) + 1000, 2)
    assert (set(receipt.files), set(receipt.blobs)) == ({RESCUED}, {DIGEST, RESCUED})


def test_blobs_that_the_hub_lost_are_sent_again(hub: RunningHub, remote: Meddling, log: Path) -> None:
    deliver(log, remote)
    for path in (hub.data / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert deliver(log, remote).files_sent == 3


def test_blob_of_another_run_is_not_sent_again(remote: Meddling, log: Path, tmp_path: Path) -> None:
    deliver(log, remote)
    other = tmp_path / "wandb" / "offline-run-20250102_030406-other" / "run-other.wandb"
    (other.parent / "blobs").mkdir(parents=True)
    other.write_bytes(DATA[::-1])
    os.link(log.parent / "blobs" / DIGEST, other.parent / "blobs" / DIGEST)
    shipment = ship(other, log_id_of(DATA[::-1]), len(DATA), 1, remote)
    assert (shipment.files_sent, shipment.files_left) == (0, 0)


def test_damaged_blob_is_said_and_keeps_nothing_back(hub: RunningHub, remote: Meddling, log: Path) -> None:
    (log.parent / "blobs" / DIGEST).write_bytes(bytes(len(WEIGHTS)))
    sent: list[Path] = []
    remote.before_put = sent.append
    shipment = deliver(log, remote)
    assert (shipment.files_sent, shipment.files_left) == (2, 1)
    assert f"blobs/{DIGEST} is damaged" in shipment.note
    assert [path.name for path in sent].count(DIGEST) == 1
    assert list((hub.data / "partial").iterdir()) == []


def test_line_that_breaks_among_blobs_goes_on_where_it_was(remote: Meddling, log: Path) -> None:
    def breaks(path: Path) -> None:
        if path.name == DIGEST:
            raise RemoteUnreachable("no answer")

    (log.parent / "blobs" / ("0" * 64)).write_bytes(b"")  # damaged, and before the others
    remote.before_put = breaks
    with pytest.raises(RemoteUnreachable):
        deliver(log, remote)
    (receipt,) = receipts.load(log, LOG).values()
    assert set(receipt.files) == {RESCUED}
    del remote.before_put
    assert deliver(log, remote).files_sent == 2


def test_old_hub_gets_files_and_a_clear_word_about_blobs(log: Path, hub: RunningHub) -> None:
    sent: list[str] = []

    def old_hub(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/hub":
            return httpx.Response(200, json={"hub": "1234", "version": "0.0.9"})
        if request.url.path.endswith("/files"):
            sent.append(request.read().decode())
            return httpx.Response(200, json={"missing": []})
        return httpx.request(request.method, f"{hub.url}{request.url.raw_path.decode()}", content=request.read(),
                             headers={"Authorization": f"Bearer {hub.token}"}, timeout=PATIENCE_SECONDS)  # fmt: skip

    remote = HubRemote("https://old", "rs_x", transport=httpx.MockTransport(old_hub))
    shipment = deliver(log, remote)
    assert (shipment.verified, shipment.files_left) == (True, 2)
    assert "2 blobs of artifacts stay here: the hub at https://old is too old to keep artifacts" in shipment.note
    assert len(sent) == 1
    remote.close()


def test_courier_counts_what_is_left(hub: RunningHub, log: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    (log.parent / "blobs" / DIGEST).write_bytes(b"damaged")
    courier = Courier("lab")
    courier.start()
    courier.give(Ready(log, LOG, len(DATA), 1, "k3v9q2"))
    eventually(lambda: courier.status()["files_left"] == 1)
    assert courier.status()["files_sent"] == 2
    (log.parent / "blobs" / DIGEST).write_bytes(WEIGHTS)
    courier.give(Ready(log, LOG, len(DATA), 1, "k3v9q2"))
    eventually(lambda: courier.status()["files_left"] == 0)
    assert courier.status()["files_sent"] == 3
    courier.stop(PATIENCE_SECONDS)


def test_bytes_beside_a_log_are_those_that_are_sent(log: Path) -> None:
    assert stamps.bytes_beside(log) == len(WEIGHTS) + 5 + 19
    assert stamps.bytes_beside(log.with_name("run-k3v9q2.edits.rslog")) == 0


def test_large_blob_does_not_hold_up_logs(hub: RunningHub, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_remote("lab", hub.url, hub.token)
    may_go_on = threading.Event()
    put_file = HubRemote.put_file

    def slow(remote: HubRemote, digest: str, path: Path, progress: Callable[[int], None]) -> int:
        assert may_go_on.wait(PATIENCE_SECONDS)
        return put_file(remote, digest, path, progress)

    monkeypatch.setattr(HubRemote, "put_file", slow)
    courier = Courier("lab")
    courier.start()
    courier.give(Ready(log, LOG, 40_000, 1, "k3v9q2"))
    eventually(lambda: _verified(courier, log) == 40_000)
    courier.give(Ready(log, LOG, 50_000, 2, "k3v9q2"))
    eventually(lambda: _verified(courier, log) == 50_000)
    assert (courier.status()["state"], courier.status()["files_sent"]) == ("delivering", 0)
    may_go_on.set()
    eventually(lambda: courier.status()["state"] == "idle")
    courier.stop(PATIENCE_SECONDS)
    assert (courier.status()["files_sent"], courier.status()["files_left"]) == (3, 0)


def _verified(courier: Courier, log: Path) -> int:
    standing = courier.standing(log)
    return standing.verified_bytes if standing else 0
