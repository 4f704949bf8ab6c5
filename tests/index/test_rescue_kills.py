"""Processes that rescue the same files are killed at random: nothing is ever half there, and in the end all is."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.index.rescue import securing
from tests.index.stocklogs import StockRun, blob_of, original
from tests.index.test_kills import forked, killed
from tests.timing import HANGS_SECONDS

KILLS = 4  # more, and all is done


def _runs(folder: Path, source: random.Random) -> list[StockRun]:
    """Write runs whose files are staged, elsewhere, or saved; some of megabytes."""
    runs = []
    for number in range(4):
        stock = StockRun(folder, f"r{number}")
        data = [source.randbytes(source.choice((10, 100_000, 3_000_000))) for _ in range(6)]
        places = [stock.staged(one) if source.random() < 0.4 else None for one in data]
        entries = {
            f"{at}": (place or original(folder, f"{number}-{at}", one), one)
            for at, (place, one) in enumerate(zip(places, data, strict=True))
        }
        stock.logs("model", entries)
        original(folder, f"saved{number}", data[0])
        stock.saves(f"saved{number}")
        runs.append(stock.write())
    return runs


def _all_whole(stock: StockRun) -> None:
    if not stock.blobs.exists():
        return
    for path in list(stock.blobs.iterdir()):
        if not path.name.startswith("."):
            assert path.name == blob_of(path.read_bytes())


def _work(index: Path, folder: Path) -> None:
    with closing(Indexer(index, rescuing=True)) as indexer:
        indexer.catch_up_below(folder / "wandb")
        indexer.rescue()
    time.sleep(HANGS_SECONDS)  # until it is killed


@pytest.mark.parametrize("seed", range(8))
def test_killed_rescuers_leave_nothing_half_done(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    runs = _runs(tmp_path, source)
    index = tmp_path / "index.db"
    children = [forked(lambda: _work(index, tmp_path))]
    for _ in range(KILLS):
        children.append(forked(lambda: _work(index, tmp_path)))  # two at once
        time.sleep(source.uniform(0, 0.05))
        killed(children.pop(0))
        for stock in runs:
            _all_whole(stock)
    killed(children.pop())
    with closing(Indexer(index, rescuing=True)) as indexer:
        indexer.catch_up_below(tmp_path / "wandb")
        indexer.rescue()
        assert set(indexer.connection.execute("SELECT outcome FROM rescues")) == {("kept",)}
    for number, stock in enumerate(runs):
        _all_whole(stock)
        assert not [name for name in os.listdir(stock.blobs) if name.startswith((securing.PARTIAL, securing.LINKED))]
        link = stock.files / f"saved{number}"
        assert not link.is_symlink()
        assert link.read_bytes() == (tmp_path / "data" / f"saved{number}").read_bytes()
