"""Logs in streams: one request for many bytes, kept piece by piece; broken off, refused or raced, it loses nothing."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runstore.core.segments import EMPTY_MARK, Mark
from runstore.errors import RemoteConflict, RemoteUnreachable, StorageError
from runstore.syncd import receipts
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.sending import RANGE_BYTES
from runstore.syncd.shipper import ship
from tests.syncd.hubs import RunningHub, log_below, log_id_of, mark_of, random_bytes
from tests.timing import PATIENCE_SECONDS

DATA = random_bytes(2 * RANGE_BYTES + 70_000)
LOG = log_id_of(DATA)
PIECE = 64 << 10


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return log_below(tmp_path / "wandb", DATA)


def cut(data: bytes, upset: Callable[[int], None] = lambda offset: None) -> Iterator[bytes]:
    for offset in range(0, len(data), PIECE):
        upset(offset)
        yield data[offset : offset + PIECE]


def test_a_stream_is_longer_than_a_range_may_be(remote: HubRemote, hub: RunningHub) -> None:
    assert remote.append_stream(LOG, 0, cut(DATA)) == mark_of(DATA)
    assert hub.log_file(LOG).read_bytes() == DATA


def test_the_same_stream_twice_adds_nothing(remote: HubRemote) -> None:
    for _ in range(2):
        assert remote.append_stream(LOG, 0, cut(DATA)) == mark_of(DATA)
    counters = remote.counters()
    assert (counters["log_bytes_received"], counters["log_bytes_accepted"]) == (2 * len(DATA), len(DATA))


def test_a_stream_that_begins_behind_the_end_changes_nothing(remote: HubRemote) -> None:
    assert remote.append_stream(LOG, 10, cut(DATA)) == EMPTY_MARK
    remote.append(LOG, 0, DATA[:5])
    assert remote.append_stream(LOG, 6, cut(DATA)) == mark_of(DATA[:5])


def test_an_empty_stream_only_asks(remote: HubRemote) -> None:
    remote.append(LOG, 0, DATA[:5])
    assert remote.append_stream(LOG, 5, iter(())) == mark_of(DATA[:5])


def test_other_bytes_in_the_midst_of_a_stream_are_a_conflict_and_what_came_before_is_kept(remote: HubRemote) -> None:
    remote.append(LOG, 0, DATA[:RANGE_BYTES] + b"other")
    with pytest.raises(RemoteConflict, match="holds other bytes"):
        remote.append_stream(LOG, 0, cut(DATA))
    assert remote.mark(LOG) == mark_of(DATA[:RANGE_BYTES] + b"other")


def break_off(hub: RunningHub, sent: bytes, seconds: float) -> None:
    """Send a part of a stream, and leave the hub so long to hear it before the end comes."""
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc)
    connection.putrequest("PUT", f"/v1/logs/{LOG}?offset=0&streamed=1")
    connection.putheader("Authorization", f"Bearer {hub.token}")
    connection.putheader("Content-Length", str(len(DATA)))
    connection.endheaders(sent)
    time.sleep(seconds)
    connection.close()


@pytest.mark.parametrize("whole_pieces", [0, 1])
def test_a_stream_that_breaks_off_keeps_what_had_arrived(hub: RunningHub, remote: HubRemote, whole_pieces: int) -> None:
    sent = DATA[: whole_pieces * RANGE_BYTES + 12_345]
    seconds = 0.05
    while remote.mark(LOG) != mark_of(sent):  # uvicorn keeps nothing of what it hears together with the end
        assert seconds < PATIENCE_SECONDS, remote.mark(LOG)
        break_off(hub, sent, seconds)
        seconds *= 2
    assert remote.append_stream(LOG, len(sent), cut(DATA[len(sent) :])) == mark_of(DATA)


def test_two_streams_of_the_same_log_at_once_only_waste_bytes(hub: RunningHub, remote: HubRemote) -> None:
    other = hub.remote()

    def overtaken(offset: int) -> None:
        if offset == 32 * PIECE:
            assert other.append_stream(LOG, 0, cut(DATA)) == mark_of(DATA)

    assert remote.append_stream(LOG, 0, cut(DATA, overtaken)) == mark_of(DATA)
    assert hub.log_file(LOG).read_bytes() == DATA
    other.close()


def test_a_delivery_that_is_interrupted_ends_with_a_proof_and_goes_on_from_there(
    remote: HubRemote, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = 0

    def progress(size: int) -> None:
        nonlocal sent
        sent += size
        if sent > RANGE_BYTES:
            raise Interrupted

    with pytest.raises(Interrupted):
        ship(log, LOG, len(DATA), 9, remote, progress=progress)
    (receipt,) = receipts.load(log, LOG).values()
    assert RANGE_BYTES < receipt.size < len(DATA)
    assert receipt.records == 0  # whose records those are is counted when the log is whole
    reads: list[int] = []
    pread = os.pread

    def counting(file: int, length: int, offset: int) -> bytes:
        reads.append(length)
        return pread(file, length, offset)

    monkeypatch.setattr(os, "pread", counting)
    shipment = ship(log, LOG, len(DATA), 9, remote)
    assert (shipment.verified, shipment.bytes_sent, shipment.records) == (True, len(DATA) - receipt.size, 9)
    assert sum(reads) < len(DATA) - receipt.size + (2 << 20)
    assert remote.counters()["log_bytes_received"] == len(DATA)


def test_a_delivery_that_is_interrupted_when_all_is_sent_has_all_records_in_its_receipt(
    remote: HubRemote, log: Path
) -> None:
    sent = 0

    def progress(size: int) -> None:
        nonlocal sent
        sent += size
        if sent == len(DATA):
            raise Interrupted

    with contextlib.suppress(Interrupted):
        ship(log, LOG, len(DATA), 9, remote, progress=progress)
    (receipt,) = receipts.load(log, LOG).values()
    assert (receipt.size, receipt.records) == (len(DATA), 9)


def test_records_that_a_receipt_lacks_are_in_it_after_the_next_delivery(remote: HubRemote, log: Path) -> None:
    ship(log, LOG, len(DATA), 5, remote)  # by one who had read less of the log than another had delivered
    assert ship(log, LOG, len(DATA), 9, remote).bytes_sent == 0
    (receipt,) = receipts.load(log, LOG).values()
    assert receipt.records == 9
    ship(log, LOG, len(DATA) - 10, 8, remote)
    assert receipts.load(log, LOG) == {remote.identity(): receipt}


def test_a_log_that_shrinks_while_it_is_streamed_is_said_and_what_was_there_is_kept(
    remote: HubRemote, log: Path
) -> None:
    def shrink(size: int) -> None:
        os.truncate(log, RANGE_BYTES)

    with pytest.raises(StorageError, match="ends at"):
        ship(log, LOG, len(DATA), 1, remote, progress=shrink)
    assert remote.mark(LOG).size <= RANGE_BYTES


def test_a_line_that_breaks_amid_a_stream_is_no_loss(hub: RunningHub, remote: HubRemote, log: Path) -> None:
    class Breaking(HubRemote):
        def append_stream(self, log_id: str, offset: int, pieces: Iterable[bytes]) -> Mark:
            super().append_stream(log_id, offset, cut(DATA[offset : offset + RANGE_BYTES]))
            raise RemoteUnreachable("no answer")

    breaking = Breaking(hub.url, hub.token)
    with pytest.raises(RemoteUnreachable):
        ship(log, LOG, len(DATA), 1, breaking)
    breaking.close()
    shipment = ship(log, LOG, len(DATA), 1, remote)
    assert (shipment.verified, shipment.bytes_sent) == (True, len(DATA) - RANGE_BYTES)
    assert hub.log_file(LOG).read_bytes() == DATA
