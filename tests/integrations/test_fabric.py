"""Lightning Fabric with our WandbLogger.

W&B's own imports the package `lightning`, which is not in this environment.
"""

from __future__ import annotations

import pytest

from tests.integrations.harness import Trained, train
from tests.integrations.recorded import artifacts_of, assert_last_values, brightness, file_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("fabric"), "train_fabric.py")


def test_the_run_has_the_hyperparameters_and_metrics_of_the_loop(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("fabric")
        assert (run.id, run.name) == (trained.fact("run"), "line")
        assert run.config == {"lr": 0.1, "activation": "ReLU", "layers": [1, 1]}
        assert_last_values(run, {name: trained.fact(name) for name in ("loss", "weight", "bias")})
        steps = [row["trainer/global_step"] for row in run.scan_history(keys=["loss", "trainer/global_step"])]
        assert steps == list(range(30))
        watched = [row for row in run.scan_history() if any("gradients/_forward_module" in str(key) for key in row)]
        assert len(watched) >= 2


def test_pictures_and_texts_are_those_of_the_program(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("fabric")
        pictures = run.summary["pictures"]
        assert pictures["captions"] == ["dark", "bright"]
        assert [brightness(file_of(run, name)) for name in pictures["filenames"]] == [0, 4 * 4 * 3 * 255]
        assert run.summary["words"]["nrows"] == 1


def test_a_checkpoint_is_found_again_by_its_alias(trained: Trained) -> None:
    assert trained.fact("found") == pytest.approx({name: trained.fact(name) for name in ("weight", "bias")})
    with trained.api() as api:
        (run,) = api.runs("fabric")
        ((name, model),) = artifacts_of(run, "model").items()
        assert (name, sorted(model.aliases)) == (f"model-{run.id}:v0", ["best", "latest"])
        assert [artifact.name for artifact in run.used_artifacts()] == [name]
