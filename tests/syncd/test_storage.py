"""The hub's storage: ranges in any order, crashes between any two steps, and a disk that is full."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runstore.core.segments import EMPTY_MARK, SEGMENT_BYTES
from runstore.errors import NotFound, StorageError, UsageError
from runstore.syncd.hub.disk import StorageFull
from runstore.syncd.hub.log_files import RangeConflict
from runstore.syncd.hub.storage import Storage
from runstore.syncd.remotes.base import FileEntry
from tests.syncd.hubs import log_id_of, mark_of, random_bytes

DATA = random_bytes(3 * SEGMENT_BYTES // 2)
LOG = log_id_of(DATA)
OTHER = log_id_of(b"another")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage(tmp_path / "hub")
    yield opened
    opened.close()


def reopened(storage: Storage, tmp_path: Path) -> Storage:
    storage.close()
    return Storage(tmp_path / "hub")


def test_unknown_log_has_the_empty_mark_and_leaves_no_trace(storage: Storage) -> None:
    assert storage.mark(LOG) == EMPTY_MARK
    assert not storage.log_path(LOG).parent.exists()


def test_ranges_in_order_build_the_log(storage: Storage) -> None:
    assert storage.append(LOG, 0, DATA[:1000]).mark == mark_of(DATA[:1000])
    assert storage.append(LOG, 1000, DATA[1000:]).mark == mark_of(DATA)
    assert storage.log_path(LOG).read_bytes() == DATA


def test_same_range_twice_stores_it_once(storage: Storage) -> None:
    storage.append(LOG, 0, DATA[:1000])
    again = storage.append(LOG, 0, DATA[:1000])
    assert (again.mark, again.accepted) == (mark_of(DATA[:1000]), 0)


def test_overlapping_range_stores_the_rest(storage: Storage) -> None:
    storage.append(LOG, 0, DATA[:1000])
    overlapping = storage.append(LOG, 400, DATA[400:1500])
    assert (overlapping.mark, overlapping.accepted) == (mark_of(DATA[:1500]), 500)


def test_range_beyond_the_end_stores_nothing(storage: Storage) -> None:
    assert storage.append(LOG, 5, DATA[5:10]).mark == EMPTY_MARK
    storage.append(LOG, 0, DATA[:1000])
    assert storage.append(LOG, 1001, DATA[1001:]).mark == mark_of(DATA[:1000])
    assert storage.log_path(LOG).stat().st_size == 1000


def test_empty_range_tells_the_mark(storage: Storage) -> None:
    assert storage.append(LOG, 0, b"").mark == EMPTY_MARK
    storage.append(LOG, 0, DATA[:10])
    assert storage.append(LOG, 10, b"").mark == mark_of(DATA[:10])


@pytest.mark.parametrize("at", [0, 999, 500])
def test_other_bytes_are_a_conflict_and_change_nothing(storage: Storage, at: int) -> None:
    storage.append(LOG, 0, DATA[:1000])
    other = bytearray(DATA[:2000])
    other[at] ^= 1
    with pytest.raises(RangeConflict, match="nothing was changed"):
        storage.append(LOG, 0, bytes(other))
    assert storage.mark(LOG) == mark_of(DATA[:1000])
    assert storage.log_path(LOG).read_bytes() == DATA[:1000]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ranges=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 1500)), max_size=12))
def test_any_order_of_ranges_gives_a_prefix(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[tuple[int, int]]
) -> None:
    storage = Storage(tmp_path_factory.mktemp("hub"))
    held = 0
    for offset, length in ranges:
        mark = storage.append(LOG, offset, DATA[offset : offset + length]).mark
        held = max(held, offset + length) if offset <= held else held
        assert mark == mark_of(DATA[:held])
    storage.close()


def test_mark_survives_a_restart(storage: Storage, tmp_path: Path) -> None:
    storage.append(LOG, 0, DATA)
    again = reopened(storage, tmp_path)
    assert again.mark(LOG) == mark_of(DATA)
    again.close()


def test_bytes_written_but_not_acknowledged_before_a_crash_are_cut_off(storage: Storage, tmp_path: Path) -> None:
    storage.append(LOG, 0, DATA[:1000])
    with storage.log_path(LOG).open("ab") as file:
        file.write(b"torn garbage")
    again = reopened(storage, tmp_path)
    assert again.mark(LOG) == mark_of(DATA[:1000])
    assert again.append(LOG, 1000, DATA[1000:]).mark == mark_of(DATA)
    assert again.log_path(LOG).read_bytes() == DATA
    again.close()


def test_crash_before_the_first_acknowledgement_keeps_nothing(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage._ledger, "acknowledge", crash)
    with pytest.raises(KeyboardInterrupt):
        storage.append(LOG, 0, DATA[:1000])
    again = reopened(storage, tmp_path)
    assert again.mark(LOG) == EMPTY_MARK
    assert again.append(LOG, 0, b"other").mark == mark_of(b"other")
    again.close()


def test_log_that_the_disk_made_shorter_is_sent_again(storage: Storage, tmp_path: Path) -> None:
    storage.append(LOG, 0, DATA)
    os.truncate(storage.log_path(LOG), 5000)
    again = reopened(storage, tmp_path)
    assert again.mark(LOG) == mark_of(DATA[:5000])
    assert again.append(LOG, 5000, DATA[5000:]).mark == mark_of(DATA)
    again.log_path(LOG).unlink()
    again = reopened(again, tmp_path)
    assert again.mark(LOG) == EMPTY_MARK
    again.close()


def test_lost_database_is_derived_from_the_logs(storage: Storage, tmp_path: Path) -> None:
    storage.append(LOG, 0, DATA)
    storage.close()
    for file in (tmp_path / "hub").glob("hub.db*"):
        file.unlink()
    again = Storage(tmp_path / "hub")
    assert again.mark(LOG) == mark_of(DATA)
    assert again.unindexed() == [LOG]
    again.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_acknowledges_nothing_and_goes_on_when_there_is_space(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    storage.append(LOG, 0, DATA[:1000])
    written: list[int] = []
    pwrite = os.pwrite

    def fills_up(descriptor: int, data: memoryview, offset: int) -> int:
        if written:
            raise OSError(number, os.strerror(number))
        written.append(pwrite(descriptor, data[:7], offset))
        return 7

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fills_up)
        with pytest.raises(StorageFull, match="full"):
            storage.append(LOG, 1000, DATA[1000:])
    assert storage.mark(LOG) == mark_of(DATA[:1000])
    assert storage.append(LOG, 1000, DATA[1000:]).mark == mark_of(DATA)


def test_full_database_acknowledges_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        with storage._database.transaction():
            raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(storage._ledger, "acknowledge", full)
        with pytest.raises(StorageFull):
            storage.append(LOG, 0, DATA)
    assert storage.mark(LOG) == EMPTY_MARK


def test_two_hubs_on_one_folder_are_refused_in_one_sentence(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="another hub is using this folder"):
        Storage(tmp_path / "hub")


def test_identity_stays_with_the_folder(storage: Storage, tmp_path: Path) -> None:
    identity = storage.hub_id
    again = reopened(storage, tmp_path)
    assert again.hub_id == identity
    again.close()


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", LOG.upper(), LOG[:-1], LOG + "0", LOG[:-1] + "/", LOG + "\n"]
)
def test_names_that_are_no_digest_are_refused(storage: Storage, name: str) -> None:
    for call in (storage.mark, storage.log_path, storage.files, storage.blobs.receive):
        with pytest.raises(UsageError):
            call(name)


def test_what_is_not_indexed_is_told(storage: Storage) -> None:
    storage.append(LOG, 0, DATA[:1000])
    storage.append(OTHER, 0, b"x")
    storage.set_indexed(LOG, 1000)
    assert storage.unindexed() == [OTHER]
    storage.append(LOG, 1000, DATA[1000:1001])
    assert sorted(storage.unindexed()) == sorted([LOG, OTHER])


def test_manifest_adds_and_replaces_and_tells_what_is_missing(storage: Storage) -> None:
    one, two = log_id_of(b"one"), log_id_of(b"two")
    with pytest.raises(NotFound, match="send its bytes"):
        storage.add_files(LOG, [])
    storage.append(LOG, 0, DATA[:10])
    assert storage.add_files(LOG, [FileEntry("a", 3, one), FileEntry("b", 3, two), FileEntry("c", 3, one)]) == [
        one,
        two,
    ]
    blob = storage.blobs.receive(one)
    blob.write(b"one")
    blob.keep()
    assert storage.add_files(LOG, [FileEntry("b", 3, one)]) == []
    assert [(entry.path, entry.sha256) for entry in storage.files(LOG)] == [("a", one), ("b", one), ("c", one)]


def test_blob_that_was_arriving_at_a_kill_is_thrown_away(storage: Storage, tmp_path: Path) -> None:
    blob = storage.blobs.receive(LOG)
    blob.write(b"half")
    again = reopened(storage, tmp_path)
    assert list((tmp_path / "hub" / "tmp").iterdir()) == []
    blob.discard()
    again.close()
