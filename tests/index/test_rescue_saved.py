"""Files that stock tools saved as links: a copy is held while the run goes on, and takes their place at its end."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from runstore.core.rescued import file_blob
from runstore.index.indexer import Indexer
from runstore.index.rescue.rescuing import rescue
from runstore.query.api import Api
from tests.index.stocklogs import StockRun, original, outcomes

LATER = 1200.0  # seconds: more than after which copies are renewed


def look_again(indexer: Indexer, after: float = LATER) -> None:
    rescue(indexer.connection, indexer._transaction, clock=lambda: time.time() + after)


def test_when_the_run_has_ended_a_copy_takes_the_links_place(stock: StockRun, indexer: Indexer) -> None:
    place = original(stock.folder, "sub/log.txt", b"saved")
    os.utime(place, ns=(1, 1_700_000_000_123_456_789))
    place.chmod(0o640)
    link = stock.saves("sub/log.txt")
    indexer.catch_up(stock.write().log)
    assert not link.is_symlink()
    assert link.read_bytes() == b"saved"
    assert (link.stat().st_mtime_ns, link.stat().st_mode & 0o777) == (1_700_000_000_123_456_789, 0o640)
    assert outcomes(indexer) == {"sub/log.txt": "kept"}
    assert os.listdir(stock.blobs) == []
    place.write_bytes(b"changed later")
    assert link.read_bytes() == b"saved"


def test_while_it_goes_on_the_link_stays_and_the_last_bytes_count(stock: StockRun, indexer: Indexer) -> None:
    place = original(stock.folder, "live.txt", b"first")
    link = stock.saves("live.txt")
    indexer.catch_up(stock.write(ended=False).log)
    held = stock.blobs / file_blob("live.txt")
    assert link.is_symlink()
    assert held.read_bytes() == b"first"
    place.write_bytes(b"second")
    indexer.rescue()  # not renewed so soon
    assert held.read_bytes() == b"first"
    look_again(indexer)
    assert held.read_bytes() == b"second"
    place.write_bytes(b"at the end")
    stock.end()
    indexer.catch_up(stock.log)
    assert link.read_bytes() == b"at the end"
    assert not link.is_symlink()
    assert not held.exists()


def test_a_file_that_goes_before_the_run_ends_is_there_all_the_same(
    stock: StockRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = original(stock.folder, "a[1].txt", b"saved")
    link = stock.saves("a[1].txt")
    stock.write(ended=False)
    with closing(Api(tmp_path / "index.db")) as api:
        place.unlink()
        with api.run("r1").file("a[1].txt").download(str(tmp_path / "to")) as file:
            assert file.read() == "saved"
        stock.end()
        api.refresh()
        assert link.read_bytes() == b"saved"
        assert not link.is_symlink()
        assert api.run("r1").not_kept() == []


def test_a_file_that_comes_back_while_the_run_goes_on_is_held(stock: StockRun, indexer: Indexer) -> None:
    stock.saves("best.pt")
    indexer.catch_up(stock.write(ended=False).log)
    assert outcomes(indexer) == {"best.pt": "failed"}
    original(stock.folder, "best.pt", b"weights")
    look_again(indexer)
    assert outcomes(indexer) == {"best.pt": "held"}


def test_a_run_without_an_end_counts_as_ended_after_a_day(stock: StockRun, indexer: Indexer) -> None:
    original(stock.folder, "log.txt", b"saved")
    link = stock.saves("log.txt")
    indexer.catch_up(stock.write(ended=False).log)
    look_again(indexer, after=90_000)
    assert not link.is_symlink()
    assert outcomes(indexer) == {"log.txt": "kept"}


@pytest.mark.parametrize("target", ["home/.ssh/id_rsa", "home/fifo", "home/log.txt/"])
def test_links_that_stock_did_not_make_are_not_followed(stock: StockRun, indexer: Indexer, target: str) -> None:
    secret = original(stock.folder, "../home/.ssh/id_rsa", b"secret")
    os.mkfifo(stock.folder / "home" / "fifo")
    link = stock.saves("log.txt", target=stock.folder / target)
    indexer.catch_up(stock.write().log)
    assert link.is_symlink()
    assert outcomes(indexer) == {"log.txt": "lost"}
    assert not any(secret.read_bytes() in path.read_bytes() for path in stock.blobs.iterdir())


def test_paths_that_lead_out_of_the_folder_are_not_looked_at(stock: StockRun, indexer: Indexer) -> None:
    original(stock.folder, "outside.txt", b"saved")
    stock.files.mkdir(parents=True)
    os.symlink(stock.folder / "data", stock.files / "linked")
    os.symlink(stock.folder / "data" / "outside.txt", stock.folder / "data" / "inner.txt")
    for path in ("../../../data/inner.txt", "/etc/hostname", "linked/inner.txt", "\0"):
        stock.bodies += StockRun(stock.folder).named(path)
    indexer.catch_up(stock.write().log)
    assert set(outcomes(indexer).values()) == {"lost"}
    assert (stock.folder / "data" / "inner.txt").is_symlink()


def test_files_that_are_no_links_and_globs_are_nothing_to_rescue(stock: StockRun, indexer: Indexer) -> None:
    stock.files.mkdir(parents=True)
    stock.files.joinpath("real.txt").write_text("real")
    stock.bodies += [*stock.named("real.txt"), *stock.named("*.txt"), *stock.named("media/images/x.png")]
    indexer.catch_up(stock.write().log)
    assert outcomes(indexer) == {"real.txt": "kept", "*.txt": "kept"}
