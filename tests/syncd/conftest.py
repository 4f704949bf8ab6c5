"""What the tests of delivery share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.syncd.hubs import RunningHub, hub_in_thread


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with hub_in_thread(tmp_path / "hub") as running:
        yield running
