"""Runs of W&B's library, whole: the daemon and the commands bring in what they left outside, a hub never does."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from tests.commands import Bench
from tests.index.stocklogs import StockRun, blob_of
from tests.timing import eventually

DATA = b"what nobody else may get"


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("w"))  # short: the daemon's socket has a place in it


@pytest.fixture
def stock(bench: Bench) -> StockRun:
    """A run of which one file is there and another is gone."""
    made = StockRun(bench.folder)
    made.logs("model", {"here": (made.staged(DATA), DATA), "gone": (bench.folder / "gone.bin", b"gone")})
    return made.write()


def test_the_daemon_rescues_what_it_sees(bench: Bench, stock: StockRun) -> None:
    with bench.daemon():
        eventually((stock.blobs / blob_of(DATA)).exists)
        later = StockRun(bench.folder, "r2")
        later.logs("model", {"a": (later.staged(b"later"), b"later")})
        later.write()
        eventually((later.blobs / blob_of(b"later")).exists)
        eventually(lambda: bench.json("daemon", "status")["rescued"] == _counts(kept=2, lost=1))


def test_commands_say_what_is_lost(bench: Bench, stock: StockRun) -> None:
    shown = bench.runstore("runs", "show", "r1").stdout
    sentence = f"gone of artifact model (it was {bench.folder / 'gone.bin'}): it was gone before it could be copied"
    assert shown.endswith(f"not in the run directory:\n  {sentence}\n")
    (one,) = bench.json("runs", "show", "r1")["not_kept"]
    assert (one["artifact"], one["path"], one["size"], one["outcome"]) == ("model", "gone", 4, "lost")
    assert sentence in bench.runstore("verify", "wandb").stdout
    assert bench.json("verify", "wandb")[0]["not_kept"] == [one]
    assert bench.json("index", "rescue") == _counts(kept=1, lost=1)
    bench.runstore("index", "rebuild", "--quiet")
    assert bench.json("runs", "show", "r1")["not_kept"] == [one]
    assert bench.runstore("index", "rescue").stdout == "1 files are in their run directories, 1 are lost\n"


def test_sync_delivers_what_was_rescued_and_the_hub_opens_nothing_itself(bench: Bench, stock: StockRun) -> None:
    trap = bench.folder / "secret.bin"  # the hub runs as the same user, and could read it
    trap.write_bytes(DATA)
    later = StockRun(bench.folder, "r2")
    later.logs("model", {"a": (trap, DATA)})
    later.write()
    with bench.hub():
        delivered = bench.json("sync")
        (note,) = delivered["notes"]
        assert "gone of artifact model" in note
        assert delivered["verified"] == 2
        eventually(lambda: bench.json("runs", "list", "--remote", "lab") == bench.json("runs", "list"))
        index = sqlite3.connect(f"file:{bench.folder / 'hub' / 'index.db'}?mode=ro", uri=True)
        with contextlib.closing(index):
            assert set(index.execute("SELECT outcome, tried_at FROM rescues")) == {("waiting", 0.0)}
    assert list((bench.folder / "hub").rglob(f"{blob_of(DATA)}*")) == []


def _counts(**known: int) -> dict[str, int]:
    return {**dict.fromkeys(("waiting", "linked", "held", "kept", "lost", "failed"), 0), **known}
