"""What the tests of bundles share."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.syncd.bundles.keys import SecretKey, make, secret_key
from tests.syncd.bundles.sites import Inside, Outside


@pytest.fixture(autouse=True)
def _quiet_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_X_DISABLE_STATS", "WANDB_X_DISABLE_MACHINE_INFO"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("WANDB_X_SAVE_REQUIREMENTS", "false")


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    return Inside(tmp_path / "inside")


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path / "outside")


@pytest.fixture
def key(tmp_path: Path) -> SecretKey:
    return secret_key(make(tmp_path / "keys", "site")[0])
