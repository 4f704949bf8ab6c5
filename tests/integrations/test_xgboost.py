"""XGBoost's WandbCallback, through the shim and W&B's own: both record what the training computed."""

from __future__ import annotations

import base64
import json

import pytest

from tests.integrations.harness import Trained, train
from tests.integrations.recorded import artifacts_of, file_of

REGRESSOR, STOPPED = {"display_name": "regressor"}, {"display_name": "stopped"}


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_xgboost.py", with_stock=request.param == "stock")


def test_every_round_is_a_row_with_the_values_that_xgboost_computed(trained: Trained) -> None:
    results = trained.fact("results")
    with trained.api() as api:
        (run,) = api.runs("xgboost", filters=REGRESSOR)
        assert run.id == trained.fact("run")
        rows = list(run.scan_history(keys=[f"{data}-{metric}" for data in results for metric in results[data]]))
        assert len(rows) == 25
        for data, metrics in results.items():
            for metric, values in metrics.items():
                assert [row[f"{data}-{metric}"] for row in rows] == pytest.approx(values)
                assert run.summary[f"{data}-{metric}"]["min"] == pytest.approx(min(values))
        assert [row["epoch"] for row in run.scan_history(keys=["epoch"])] == list(range(25))


def test_the_config_is_the_boosters_beside_the_programs(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("xgboost", filters=REGRESSOR)
        assert run.config["rounds"] == 25
        assert run.config["learner"]["gradient_booster"]["tree_train_param"]["max_depth"] == "3"


def test_importance_is_a_table_and_the_model_an_artifact(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("xgboost", filters=REGRESSOR)
        table = json.loads(file_of(run, run.summary["Feature Importance_table"]["path"]).read_text())
        assert table["columns"] == ["Feature", "Importance"]
        assert dict(table["data"]) == pytest.approx(trained.fact("importance"))
        ((name, model),) = artifacts_of(run, "model").items()
        (entry,) = model.manifest.entries.values()
        assert (name, model.aliases) == (f"{run.id}_model.json:v0", ["latest"])
        assert base64.b64decode(entry.digest).hex() == trained.fact("model")


def test_a_training_that_stopped_early_says_its_best_round(trained: Trained) -> None:
    wanted = trained.fact("stopped")
    with trained.api() as api:
        (run,) = api.runs("xgboost", filters=STOPPED)
        assert {key: run.summary[key] for key in wanted} == pytest.approx(wanted)
        assert isinstance(run.summary["test-rmse"], float)  # no extremes were asked for
