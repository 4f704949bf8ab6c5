"""Every test here has a folder of its own for its runs, and no settings of the person who runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import runstore


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder below which the test's runs are recorded; a run that is still going on after it is ended."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "RUNSTORE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "runs"))
    yield tmp_path / "runs"
    runstore.finish()
