"""What the tests of delivery share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.index.live import LiveIndexer
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.tailing import Tails
from tests.syncd.hubs import RunningHub, hub_in_thread
from tests.timing import Clock


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndexer]:
    indexer = LiveIndexer(tmp_path / "live.db")
    yield indexer
    indexer.close()


@pytest.fixture
def tails(live: LiveIndexer, clock: Clock) -> Tails:
    return Tails(live, clock)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with hub_in_thread(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def remote(hub: RunningHub) -> Iterator[HubRemote]:
    opened = hub.remote()
    yield opened
    opened.close()
