"""What stock logs name outside of their run directories is brought there, with care, once; what is gone is told."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstore.core.moves import CollectionPath
from runstore.core.rescued import list_blob
from runstore.index.indexer import Indexer
from runstore.index.rescue import securing
from runstore.index.rescue.lost import NotKept, not_kept
from runstore.index.rescue.rescuing import rescue
from runstore.query.api import Api
from runstore.query.artifacts.registry import Registry
from tests.index.stocklogs import StockRun, blob_of, original, outcomes
from tests.index.writing import write_log

DATA = b"the bytes of a checkpoint"


def missing(indexer: Indexer) -> list[NotKept]:
    return not_kept(indexer.connection, [log for (log,) in indexer.connection.execute("SELECT id FROM logs")])


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_staged_files_are_linked_and_others_copied(stock: StockRun, indexer: Indexer, tmp_path: Path) -> None:
    staged, mutable = stock.staged(DATA), original(tmp_path, "w.bin", b"weights")
    stock.logs("model", {"a": (staged, DATA), "b": (mutable, b"weights")})
    indexer.catch_up(stock.write().log)
    assert names(stock.blobs) == sorted([blob_of(DATA), blob_of(b"weights")])
    assert (stock.blobs / blob_of(DATA)).samefile(staged)
    assert not (stock.blobs / blob_of(b"weights")).samefile(mutable)  # it may change under us
    assert (stock.blobs / blob_of(b"weights")).read_bytes() == b"weights"
    assert outcomes(indexer) == {"a": "kept", "b": "kept"}
    assert missing(indexer) == []


def test_what_a_list_names_that_is_too_long_for_a_record_is_brought_in_too(
    stock: StockRun, indexer: Indexer, tmp_path: Path
) -> None:
    file = stock.lists("many", {"a": (stock.staged(DATA), DATA), "b": (original(tmp_path, "b", b"two"), b"two")})
    stock.write()
    indexer.catch_up(stock.log)
    assert outcomes(indexer) == {"the list of files": "kept", "a": "kept", "b": "kept"}
    file.unlink()
    assert names(stock.blobs) == sorted([blob_of(DATA), blob_of(b"two"), list_blob(str(file))])
    (version,) = Registry(indexer).versions(CollectionPath("", "p", "many"))
    assert [entry.path for entry in Registry(indexer).entries(version)] == ["a", "b"]


@pytest.mark.parametrize("content", [None, b"no list"], ids=["gone", "damaged"])
def test_a_list_of_files_that_cannot_be_had_is_told(content: bytes | None, stock: StockRun, indexer: Indexer) -> None:
    file = stock.lists("many", {"a": (stock.staged(DATA), DATA)})
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    stock.write()
    indexer.catch_up(stock.log)
    (one,) = missing(indexer)
    assert (one.artifact, one.path, one.outcome) == ("many", "the list of files", "lost")


def test_a_relative_path_is_that_of_the_program(stock: StockRun, indexer: Indexer, tmp_path: Path) -> None:
    original(tmp_path, "w.bin", DATA)
    stock.logs("model", {"a": ("data/w.bin", DATA)})
    indexer.catch_up(stock.write().log)
    assert (stock.blobs / blob_of(DATA)).read_bytes() == DATA


def test_digests_of_the_other_kind_are_checked_as_such(stock: StockRun, indexer: Indexer) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)}, algorithm="XXH128")
    indexer.catch_up(stock.write().log)
    (name,) = names(stock.blobs)
    assert name.startswith("xxh128-")


def test_what_is_gone_or_changed_is_told_with_its_reason(stock: StockRun, indexer: Indexer, tmp_path: Path) -> None:
    changed, grown = original(tmp_path, "same size", b"B" * len(DATA)), original(tmp_path, "grown", DATA + b"more")
    folder = tmp_path / "data"
    stock.logs("model", {"gone": (folder / "x", DATA), "changed": (changed, DATA), "grown": (grown, DATA)})
    stock.logs("other", {"whole": (folder, b"d")})
    stock.saves("log.txt")
    indexer.catch_up(stock.write().log)
    told = {one.path: one.sentence for one in missing(indexer)}
    assert told["gone"] == f"gone of artifact model (it was {folder / 'x'}): it was gone before it could be copied"
    assert "its digest is not the one that was logged" in told["changed"]
    assert "29 bytes, 25 were logged" in told["grown"]
    assert "no regular file" in told["whole"]
    assert told["log.txt"] == "files/log.txt: it was gone before it could be copied"
    assert set(outcomes(indexer).values()) == {"lost"}
    assert names(stock.blobs) == []


def test_of_equal_files_one_that_is_left_is_enough(stock: StockRun, indexer: Indexer, tmp_path: Path) -> None:
    stock.logs("model", {"first": (tmp_path / "gone", DATA), "second": (stock.staged(DATA), DATA)})
    indexer.catch_up(stock.write().log)
    assert outcomes(indexer) == {"first": "kept", "second": "kept"}
    assert missing(indexer) == []


def test_each_file_is_read_once(stock: StockRun, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    indexer.catch_up(stock.write().log)
    monkeypatch.setattr(securing, "opened", lambda path: pytest.fail("it is here already"))
    assert indexer.rescue() == 0
    with closing(Indexer(indexer.path.with_name("fresh.db"), rescuing=True)) as fresh:  # as after a rebuild
        fresh.catch_up(stock.log)
        assert outcomes(fresh) == {"a": "kept"}


def test_our_own_logs_and_indexers_that_were_not_told_to_rescue_nothing(
    stock: StockRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    ours = write_log(tmp_path / "ours", stock.bodies)
    stock.write()
    monkeypatch.setattr(securing, "opened", lambda path: pytest.fail(f"{path} was opened"))
    monkeypatch.setattr(os, "link", lambda source, *more, **named: pytest.fail(f"{source} was linked"))
    with closing(Indexer(tmp_path / "hub.db")) as hub:
        hub.catch_up(stock.log)
        hub.catch_up_known()
        assert outcomes(hub) == {"a": "waiting"}
    with closing(Indexer(tmp_path / "index.db", rescuing=True)) as indexer:
        indexer.catch_up(ours)
        assert outcomes(indexer) == {}


def test_a_log_outside_of_run_directories_opens_nothing(stock: StockRun, indexer: Indexer, tmp_path: Path) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    received = tmp_path / "hub" / "logs" / "ab" / "log.wandb"  # as a hub keeps what others sent
    received.parent.mkdir(parents=True)
    stock.write().log.rename(received)
    indexer.catch_up(received)
    assert outcomes(indexer) == {"a": "lost"}
    assert names(received.parent) == ["log.wandb"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("whose", ["log", "file"])
def test_files_of_other_users_are_left_alone(stock: StockRun, indexer: Indexer, tmp_path: Path, whose: str) -> None:
    staged = stock.staged(DATA)
    stock.logs("model", {"a": (staged, DATA)})
    stock.write()
    os.chown(stock.log if whose == "log" else staged, 12345, 12345)
    indexer.catch_up(stock.log)
    (one,) = missing(indexer)
    assert "belongs to another user" in one.reason
    assert not (stock.blobs / blob_of(DATA)).exists()


def test_a_folder_that_cannot_be_written_is_told_and_tried_again(stock: StockRun, indexer: Indexer) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    stock.saves("log.txt", original(stock.folder, "log.txt", b"saved"))
    stock.log.parent.joinpath("blobs").write_text("in the way")
    indexer.catch_up(stock.write().log)
    assert set(outcomes(indexer).values()) == {"failed"}
    assert all("can't be copied into" in one.reason for one in missing(indexer))
    stock.blobs.unlink()
    assert indexer.rescue() == 0  # not at once
    (tried,) = indexer.connection.execute("SELECT max(tried_at) FROM rescues").fetchone()
    assert rescue(indexer.connection, indexer._transaction, clock=lambda: tried + 601) >= 2
    assert set(outcomes(indexer).values()) == {"kept"}


def test_the_disk_is_not_filled(stock: StockRun, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA), "b": (original(stock.folder, "w", b"weights"), b"weights")})
    monkeypatch.setattr(securing, "SPARED_BYTES", 1 << 60)
    indexer.catch_up(stock.write().log)
    assert outcomes(indexer) == {"a": "kept", "b": "failed"}  # a link takes no room
    assert [one.reason for one in missing(indexer)] == ["there is no room for 7 bytes on the disk"]
    assert names(stock.blobs) == [blob_of(DATA)]


def test_no_transaction_is_open_while_bytes_are_read(
    stock: StockRun, indexer: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    read = securing._read

    def reading(*arguments: Any) -> None:
        with closing(sqlite3.connect(indexer.path, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")  # fails where somebody writes
        looked.append(True)
        read(*arguments)

    monkeypatch.setattr(securing, "_read", reading)
    stock.logs("model", {"a": (stock.staged(DATA), DATA), "b": (original(tmp_path, "w", b"weights"), b"weights")})
    stock.saves("log.txt", original(tmp_path, "log.txt", b"saved"))
    indexer.catch_up(stock.write().log)
    assert len(looked) >= 2


def test_links_come_first_and_the_rest_when_there_is_time(stock: StockRun, tmp_path: Path) -> None:
    staged = stock.staged(DATA)
    stock.logs("model", {"a": (staged, DATA), "b": (original(tmp_path, "w", b"weights"), b"weights")})
    with closing(Indexer(tmp_path / "index.db")) as indexer:
        indexer.catch_up(stock.write().log)
        indexer.rescue(seconds=0)
        assert outcomes(indexer) == {"a": "linked", "b": "waiting"}
        staged.unlink()  # as whoever cleans up does
        indexer.rescue()
        assert outcomes(indexer) == {"a": "kept", "b": "kept"}
    assert names(stock.blobs) == sorted([blob_of(DATA), blob_of(b"weights")])


def test_what_a_killed_process_left_half_done_is_cleared(stock: StockRun, indexer: Indexer) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    stock.blobs.mkdir(parents=True)
    stock.blobs.joinpath(f"{securing.PARTIAL}1-0").write_bytes(b"half")
    indexer.catch_up(stock.write().log)
    assert names(stock.blobs) == [blob_of(DATA)]


def test_a_second_process_leaves_a_run_directory_to_the_first(stock: StockRun, indexer: Indexer) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    stock.write()
    with securing.only_one(stock.blobs) as alone:
        assert alone
        indexer.catch_up(stock.log)
        assert outcomes(indexer) == {"a": "waiting"}
    indexer.rescue()
    assert outcomes(indexer) == {"a": "kept"}


def test_the_table_goes_with_its_log(stock: StockRun, indexer: Indexer) -> None:
    stock.logs("model", {"a": (stock.staged(DATA), DATA)})
    indexer.catch_up(stock.write().log)
    stock.log.unlink()
    indexer.catch_up_known()
    indexer.forget(stock.log)
    assert outcomes(indexer) == {}


def test_api_rescues_and_tells_what_is_lost(stock: StockRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stock.logs("model", {"a": (stock.staged(DATA), DATA), "b": (tmp_path / "gone", b"gone")})
    stock.write()
    with closing(Api(tmp_path / "index.db")) as api:
        assert [one.path for one in api.run("r1").not_kept()] == ["b"]
    assert names(stock.blobs) == [blob_of(DATA)]
