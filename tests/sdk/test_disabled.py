"""Disabled mode: a program runs as it would, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstore
from runstore.errors import ConfigError
from runstore.sdk.disabled import DisabledRun
from tests.sdk.reading import program, succeeded


def test_a_disabled_run_touches_no_disk(tmp_path: Path, folder: Path) -> None:
    done = program(
        """
        import os, sys, runstore
        print("untouched")
        before = sys.stdout.write
        with runstore.init(config={"lr": 1}) as run:
            for n in range(3):
                runstore.log({"a": n})
            runstore.config.epochs = 3
            runstore.summary["x"] = 1
            assert "write" not in vars(sys.stdout)
        """,
        WANDB_MODE="disabled",
        HOME=str(tmp_path / "home"),
    )
    assert succeeded(done) == "untouched\n"
    assert done.stderr == ""
    assert not folder.exists()
    assert not (tmp_path / "home").exists()


def test_what_a_program_reads_back_is_there() -> None:
    run = runstore.init(mode="disabled", config={"lr": 1})
    assert isinstance(run, DisabledRun)
    assert runstore.run is run
    run.log({"loss": 2.0})
    run.log({"acc": 0.5}, step=7)
    assert run.step == 7
    run.log({"acc": 0.6}, commit=False)
    run.log({"acc": 0.7}, step=7, commit=True)
    run.summary.best = 1
    assert (run.step, run.summary["loss"], run.summary.acc, run.summary["best"]) == (8, 2.0, 0.7, 1)
    with pytest.raises(AttributeError):
        run.summary.none  # noqa: B018 - the reading is what is tested
    with pytest.raises(ConfigError):
        run.config.lr = 2
    assert (run.config.lr, run.disabled, len(run.id)) == (1, True, 8)
    runstore.finish()
    assert runstore.run is None


def test_a_disabled_run_makes_room_for_one_that_is_recorded(folder: Path) -> None:
    with runstore.init(mode="disabled"):
        pass
    with runstore.init() as run:
        assert not run.disabled
    assert folder.exists()
