"""Every test here has a folder of its own for its runs, and no settings of the person who runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import runstore
from tests.timing import PATIENCE_SECONDS

# What is captured of every run by itself has tests of its own, which are marked `surroundings`.
QUIET = {
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_MACHINE_INFO": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}


def forget_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Take away the settings of the person who runs the tests, and give a test a home of its own."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "RUNSTORE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "stock"))
    if request.node.get_closest_marker("surroundings") is None:
        for name, value in QUIET.items():
            monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the folder below which the test's runs are recorded; a run that is still going on after it is ended."""
    forget_settings(tmp_path, monkeypatch, request)
    monkeypatch.setattr("runstore.sdk.artifacts.claiming.CLAIM_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "runs"))
    yield tmp_path / "runs"
    runstore.finish()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with two files, to be made an artifact of."""
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    return folder
