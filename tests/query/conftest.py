"""No test here looks into the index of the person who runs it; what several test files begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.query.api import Api


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def api(tmp_path: Path, log: Path) -> Iterator[Api]:
    """All that lies below `tmp_path`; `log` is a test file's own fixture, which puts a log there."""
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    yield api
    api.close()
