"""Where the tests of the whole begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "wandb").mkdir()
    return Bench(tmp_path)
