"""Lightning's WandbLogger, unmodified: what its guide shows is recorded, through the shim and by stock alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.harness import Trained, train


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_lightning.py", with_stock=request.param == "stock")


def test_there_is_one_run_with_the_config_of_the_program(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightning")
        assert run.id == trained.fact("run")
        assert run.name == "classifier"
        wanted = {"hidden": 16, "lr": 0.02, "data": "bright sides", "batch_size": 16, "stages": {"warmup": 0}}
        assert {key: run.config[key] for key in wanted} == wanted


def test_every_metric_has_the_value_that_the_trainer_computed(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightning")
        for key, value in trained.fact("metrics").items():
            last = [row[key] for row in run.scan_history(keys=[key])][-1]
            assert last == pytest.approx(value, rel=1e-6), key
        assert run.summary["val/accuracy"]["max"] == pytest.approx(trained.fact("best"))
        steps = [row["trainer/global_step"] for row in run.scan_history(keys=["trainer/global_step"])]
        assert max(steps) == trained.fact("steps") - 1 or max(steps) == trained.fact("steps")


def test_retrieved_weights_are_those_of_the_best_checkpoint(tmp_path: Path, trained: Trained) -> None:
    if "stock" in str(trained.folder):
        return
    assert trained.fact("retrieved") == pytest.approx(trained.fact("best_weights"))
