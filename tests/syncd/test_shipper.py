"""Shipping over real HTTP: everything once, nothing that is not ours, and a word about what could not be."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstore.core.segments import SEGMENT_BYTES, Mark
from runstore.errors import RemoteConflict, RemoteError, RemoteRefused, RemoteUnreachable, StorageError
from runstore.paths import receipts_path
from runstore.syncd import receipts, stamps
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.sending import RANGE_BYTES
from runstore.syncd.shipper import Shipment, ship
from tests.syncd.hubs import RunningHub, hub_in_thread, log_below, log_id_of, mark_of, random_bytes

DATA = random_bytes(RANGE_BYTES + 3 * SEGMENT_BYTES // 2)
LOG = log_id_of(DATA)
RECORD_BYTES = 1000  # in these tests a record is a thousand bytes


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return log_below(tmp_path / "wandb", DATA)


def deliver(log: Path, remote: HubRemote, end: int | None = None, **more: Any) -> Shipment:
    end = log.stat().st_size if end is None else end
    return ship(log, LOG, end, end // RECORD_BYTES, remote, **more)


def accepted(remote: HubRemote) -> tuple[int, int]:
    counters = remote.counters()
    return counters["log_bytes_received"], counters["log_bytes_accepted"]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of the log each read returned."""
    lengths: list[int] = []
    pread = os.pread

    def counting(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        lengths.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counting)
    return lengths


@pytest.mark.parametrize("streams", [True, False])
def test_first_delivery_brings_every_byte(
    hub: RunningHub, remote: HubRemote, log: Path, streams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "takes_streams", lambda: streams)
    ranges: list[int] = []
    shipment = deliver(log, remote, progress=ranges.append)
    assert shipment == Shipment(len(DATA), len(DATA) // RECORD_BYTES, 0, 0, verified=True)
    assert sum(ranges) == len(DATA)
    assert remote.counters()["ranges"] == 2
    assert hub.log_file(LOG).read_bytes() == DATA
    (receipt,) = receipts.load(log, LOG).values()
    assert (receipt.size, receipt.chain, receipt.remote) == (len(DATA), mark_of(DATA).chain, "hub")


def test_second_delivery_sends_nothing_and_reads_the_open_segment_only(
    hub: RunningHub, log: Path, remote: HubRemote, reads: list[int]
) -> None:
    deliver(log, remote)
    before, kept = accepted(remote), receipts_path(log).stat()
    again = hub.remote()  # as a daemon that was started anew
    reads.clear()
    assert deliver(log, again) == Shipment(0, 0, 0, 0, verified=True)
    assert accepted(remote) == before == (len(DATA), len(DATA))
    assert sum(reads) == len(DATA) % SEGMENT_BYTES
    assert receipts_path(log).stat().st_mtime_ns == kept.st_mtime_ns
    again.close()


def test_growing_log_sends_what_is_new(remote: HubRemote, log: Path, reads: list[int]) -> None:
    for end in (5000, 5000, 70_000, len(DATA) - 7, len(DATA)):
        assert deliver(log, remote, end).verified
    assert accepted(remote) == (len(DATA), len(DATA))
    reads.clear()
    with log.open("ab") as file:
        file.write(bytes(2000))
    assert deliver(log, remote).records == 2
    assert sum(reads) <= SEGMENT_BYTES + 2000


def test_bytes_after_the_last_whole_record_stay_here(hub: RunningHub, remote: HubRemote, log: Path) -> None:
    assert deliver(log, remote, 5000).bytes_sent == 5000
    assert hub.log_file(LOG).read_bytes() == DATA[:5000]


@pytest.mark.parametrize("lost", ["gone", "damaged", "stale"])
def test_lost_receipt_is_derived_from_the_hub(remote: HubRemote, log: Path, lost: str) -> None:
    deliver(log, remote, 5000)
    kept = receipts_path(log).read_bytes()
    deliver(log, remote, 70_000)
    if lost == "gone":
        receipts_path(log).unlink()
    else:
        receipts_path(log).write_bytes(kept if lost == "stale" else b"{")
    asked: list[tuple[int, int]] = []

    def count_records(start: int, end: int) -> int:
        asked.append((start, end))
        return 17

    shipment = deliver(log, remote, 90_000, count_records=count_records)
    assert shipment == Shipment(20_000, 17, 0, 0, verified=True)
    assert asked == [(70_000, 90_000)]
    assert accepted(remote) == (90_000, 90_000)


def test_other_bytes_at_the_hub_are_a_conflict_and_nothing_is_sent(remote: HubRemote, log: Path) -> None:
    remote.append(LOG, 0, DATA[:4000] + b"other")
    with pytest.raises(RemoteConflict, match="holds other bytes for this log.*nothing was sent"):
        deliver(log, remote)
    assert accepted(remote) == (4005, 4005)
    assert not receipts_path(log).exists()


def test_log_changed_after_its_receipt_is_a_conflict(remote: HubRemote, log: Path) -> None:
    deliver(log, remote)
    with log.open("r+b") as file:
        file.seek(len(DATA) - 1)
        file.write(bytes([DATA[-1] ^ 1]))
    with pytest.raises(RemoteConflict):
        deliver(log, remote)


def test_source_that_lost_bytes_is_no_conflict(remote: HubRemote, log: Path) -> None:
    deliver(log, remote)
    os.truncate(log, len(DATA) - 1234)
    shipment = deliver(log, remote)
    assert (shipment.verified, shipment.bytes_sent) == (False, 0)
    assert "the source lost 1,234 bytes" in shipment.note
    assert remote.mark(LOG) == mark_of(DATA)


def test_hub_that_holds_more_than_whole_records_is_compared_over_the_file(remote: HubRemote, log: Path) -> None:
    remote.append(LOG, 0, DATA[:70_500])
    assert deliver(log, remote, 70_000).verified
    assert accepted(remote)[0] == 70_500


def test_hub_moved_to_another_address_keeps_its_receipts(tmp_path: Path, log: Path, reads: list[int]) -> None:
    for expected in (len(DATA), 0):
        with hub_in_thread(tmp_path / "hub") as hub:
            remote = hub.remote()
            reads.clear()
            assert deliver(log, remote).bytes_sent == expected
            (receipt,) = receipts.load(log, LOG).values()
            assert receipt.url == hub.url  # `status` believes what was proven where the remote is now
            remote.close()
    assert sum(reads) < SEGMENT_BYTES


def test_two_hubs_have_receipts_of_their_own(tmp_path: Path, log: Path) -> None:
    with hub_in_thread(tmp_path / "one") as one, hub_in_thread(tmp_path / "two") as two:
        for hub in (one, two, one):
            remote = hub.remote()
            assert deliver(log, remote).verified
            assert accepted(remote) == (len(DATA), len(DATA))
            remote.close()
    assert len(receipts.load(log, LOG)) == 2


class Meddling(HubRemote):
    """A remote that takes no streams, in whose way something happens before each range or file is sent."""

    before_append: Callable[[int], None] = staticmethod(lambda offset: None)
    before_put: Callable[[Path], None] = staticmethod(lambda path: None)

    def takes_streams(self) -> bool:
        return False

    def append(self, log_id: str, offset: int, data: bytes) -> Mark:
        self.before_append(offset)
        return super().append(log_id, offset, data)

    def put_file(self, digest: str, path: Path, progress: Callable[[int], None]) -> int:
        self.before_put(path)
        return super().put_file(digest, path, progress)


@pytest.fixture
def meddling(hub: RunningHub) -> Iterator[Meddling]:
    opened = Meddling(hub.url, hub.token)
    yield opened
    opened.close()


@pytest.mark.parametrize("ahead", [100, RANGE_BYTES // 2, RANGE_BYTES + 100, len(DATA)])
def test_somebody_else_shipping_the_same_log_is_harmless(
    hub: RunningHub, meddling: Meddling, remote: HubRemote, log: Path, ahead: int
) -> None:
    def other_shipper(offset: int) -> None:
        remote.append(LOG, offset, DATA[offset : offset + ahead][: 8 << 20])

    meddling.before_append = other_shipper
    shipment = deliver(log, meddling)
    assert shipment.verified
    assert hub.log_file(LOG).read_bytes() == DATA
    assert accepted(remote)[1] == len(DATA)


def test_somebody_else_shipping_other_bytes_meanwhile_is_a_conflict(
    meddling: Meddling, remote: HubRemote, log: Path
) -> None:
    def other_shipper(offset: int) -> None:
        remote.append(LOG, offset, bytes(10))

    meddling.before_append = other_shipper
    with pytest.raises(RemoteConflict):
        deliver(log, meddling)


def test_hub_that_answers_with_no_progress_is_given_up(
    meddling: Meddling, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meddling, "append", lambda log_id, offset, data: mark_of(b""))
    with pytest.raises(RemoteError, match="10 times over"):
        deliver(log, meddling)


def test_hub_restored_from_an_older_copy_gets_the_rest_again(
    hub: RunningHub, remote: HubRemote, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(log, remote)
    with hub_in_thread(tmp_path / "copy") as copy:
        restored = copy.remote()
        restored.append(LOG, 0, DATA[:70_000])
        monkeypatch.setattr(restored, "identity", remote.identity)
        assert deliver(log, restored) == Shipment(len(DATA) - 70_000, len(DATA) // RECORD_BYTES, 0, 0, verified=True)
        restored.close()


def test_log_that_shrinks_while_it_is_sent_is_said(meddling: Meddling, log: Path) -> None:
    def shrink(offset: int) -> None:
        os.truncate(log, RANGE_BYTES)

    meddling.before_append = shrink
    with pytest.raises(StorageError, match="ends at"):
        deliver(log, meddling)


def test_no_hub_there(log: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        remote = HubRemote(f"http://127.0.0.1:{unused.getsockname()[1]}", "rs_x")
        with pytest.raises(RemoteUnreachable):
            deliver(log, remote)
        remote.close()
    assert not receipts_path(log).exists()


def test_token_that_the_hub_does_not_know(hub: RunningHub, log: Path) -> None:
    remote = HubRemote(hub.url, "rs_wrong")
    with pytest.raises(RemoteRefused, match=r"runstore hub token create NAME.*runstore remote add"):
        deliver(log, remote)
    remote.close()


def test_receipt_that_cannot_be_kept_is_a_note(remote: HubRemote, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    shipment = deliver(log, remote)
    assert shipment.verified
    assert "no receipt can be kept" in shipment.note


@pytest.fixture
def files(log: Path) -> Path:
    folder = log.parent / "files"
    (folder / "media" / "images").mkdir(parents=True)
    (folder / "requirements.txt").write_text("numpy==2\n")
    (folder / "media" / "images" / "ü 1.png").write_bytes(DATA[:100_000])
    (folder / "same.png").write_bytes(DATA[:100_000])
    (folder / "empty").write_bytes(b"")
    return folder


def blobs(hub: RunningHub) -> set[bytes]:
    return {path.read_bytes() for path in (hub.data / "blobs").rglob("*") if path.is_file()}


def test_files_are_delivered_once(
    hub: RunningHub, remote: HubRemote, log: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipment = deliver(log, remote)
    assert (shipment.files_sent, shipment.file_bytes_sent, shipment.files_left) == (3, 100_009, 0)
    assert blobs(hub) == {b"", b"numpy==2\n", DATA[:100_000]}
    monkeypatch.setattr(stamps, "stamp_of", None)  # an unchanged file is not even read
    assert deliver(log, remote) == Shipment(0, 0, 0, 0, verified=True)
    assert remote.counters()["blobs"] == 3


def test_changed_file_is_delivered_again(hub: RunningHub, remote: HubRemote, log: Path, files: Path) -> None:
    deliver(log, remote)
    (files / "requirements.txt").write_text("numpy==2.1\n")
    assert deliver(log, remote).files_sent == 1
    assert b"numpy==2.1\n" in blobs(hub)


def test_links_to_files_are_followed_and_broken_ones_noted(
    hub: RunningHub, remote: HubRemote, log: Path, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    (files / "model.bin").symlink_to(tmp_path / "model.bin")
    (files / "gone.bin").symlink_to(tmp_path / "gone.bin")
    (files / "loop").symlink_to(files)
    os.mkfifo(files / "fifo")
    (files / os.fsdecode(b"latin-\xe9")).write_bytes(b"x")
    shipment = deliver(log, remote)
    assert (shipment.files_sent, shipment.files_left, shipment.verified) == (4, 2, True)
    assert b"weights" in blobs(hub)
    assert "files/gone.bin is a link that leads nowhere" in shipment.note
    assert "not UTF-8" in shipment.note


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link to somebody else")
def test_links_of_others_to_what_is_not_theirs_are_not_followed(log: Path, remote: HubRemote, tmp_path: Path) -> None:
    files = log.parent / "files"
    files.mkdir()
    for name, owner in (("secret", 0), ("own", 1000)):
        (tmp_path / name).write_text(name)
        os.chown(tmp_path / name, owner, owner)
        (files / name).symlink_to(tmp_path / name)
        os.lchown(files / name, 1000, 1000)
    shipment = deliver(log, remote)
    assert (shipment.files_sent, shipment.files_left) == (1, 1)
    assert "files/secret is another user's link" in shipment.note


def test_a_file_of_before_1970_is_sent_once(log: Path, remote: HubRemote) -> None:
    (log.parent / "files").mkdir()
    (log.parent / "files" / "old").write_text("old")
    os.utime(log.parent / "files" / "old", (-1e9, -1e9))
    assert deliver(log, remote).files_sent == 1
    (receipt,) = receipts.load(log, LOG).values()
    assert receipt.files["old"].mtime_ns == -(10**18)
    assert deliver(log, remote).files_sent == 0


def test_file_that_changes_while_it_is_sent_is_hashed_once_more(
    meddling: Meddling, hub: RunningHub, log: Path, files: Path
) -> None:
    changes = iter(["numpy==3\n"])

    def change(path: Path) -> None:
        if path.name == "requirements.txt":
            path.write_text(next(changes, "numpy==3\n"))

    meddling.before_put = change
    shipment = deliver(log, meddling)
    assert (shipment.files_left, shipment.note) == (0, "")
    assert b"numpy==3\n" in blobs(hub)


def test_file_that_keeps_changing_is_noted_and_keeps_nothing_back(
    meddling: Meddling, hub: RunningHub, log: Path, files: Path
) -> None:
    def change(path: Path) -> None:
        if path.name == "requirements.txt":
            path.write_text(path.read_text() + "more\n")

    meddling.before_put = change
    shipment = deliver(log, meddling)
    assert (shipment.files_sent, shipment.files_left) == (2, 1)
    assert "files/requirements.txt changed while it was sent" in shipment.note
    del meddling.before_put
    assert deliver(log, meddling).files_sent == 1


def test_line_that_breaks_among_files_goes_on_where_it_was(meddling: Meddling, log: Path, files: Path) -> None:
    def breaks(path: Path) -> None:
        if path.name == "requirements.txt":
            raise RemoteUnreachable("no answer")

    meddling.before_put = breaks
    with pytest.raises(RemoteUnreachable):
        deliver(log, meddling)
    (receipt,) = receipts.load(log, LOG).values()
    assert set(receipt.files) == {"empty"}
    del meddling.before_put
    assert deliver(log, meddling).files_sent == 2


def test_file_that_the_hub_lost_is_sent_again(hub: RunningHub, remote: HubRemote, log: Path, files: Path) -> None:
    deliver(log, remote)
    for path in (hub.data / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert deliver(log, remote).files_sent == 3
