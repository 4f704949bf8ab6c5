"""No test here looks into the index of the person who runs it; what several test files begin with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from tests.index.stocklogs import StockRun


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def stock(tmp_path: Path) -> StockRun:
    return StockRun(tmp_path)


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    """An index that brings in what stock tools' logs name."""
    with closing(Indexer(tmp_path / "index.db", rescuing=True)) as opened:
        yield opened
