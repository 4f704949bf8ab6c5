"""LightGBM's wandb_callback and log_summary, through the shim and W&B's own.

Less what W&B's own refuses: it can't read what LightGBM 4.7 says of the folds of a cross-validation.
"""

from __future__ import annotations

import base64
import json

import pytest

from tests.integrations.harness import Trained, train
from tests.integrations.recorded import artifacts_of, file_of

CLASSIFIER, FOLDS = {"display_name": "classifier"}, {"display_name": "folds"}
EXTREMES = {"auc": max, "binary_logloss": min}


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_lightgbm.py", with_stock=request.param == "stock")


def test_every_round_is_a_row_with_the_values_that_lightgbm_computed(trained: Trained) -> None:
    results = trained.fact("results")
    with trained.api() as api:
        (run,) = api.runs("lightgbm", filters=CLASSIFIER)
        assert run.id == trained.fact("run")
        for data, metrics in results.items():
            for metric, values in metrics.items():
                rows = list(run.scan_history(keys=[f"{data}_{metric}", "iteration"]))
                assert [row[f"{data}_{metric}"] for row in rows] == pytest.approx(values)
                assert [row["iteration"] for row in rows] == list(range(len(values)))
                extreme = EXTREMES[metric]
                assert run.summary[f"{data}_{metric}"][extreme.__name__] == pytest.approx(extreme(values))


def test_parameters_are_the_config_and_the_best_round_is_in_the_summary(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightgbm", filters=CLASSIFIER)
        assert (run.config["num_leaves"], run.config["metric"]) == (7, ["binary_logloss", "auc"])
        assert run.summary["best_iteration"] == trained.fact("best_iteration")
        assert run.summary["best_score"]["val"] == pytest.approx(trained.fact("best_score")["val"])


def test_importance_is_a_table_and_the_best_model_an_artifact(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightgbm", filters=CLASSIFIER)
        table = json.loads(file_of(run, run.summary["Feature Importance_table"]["path"]).read_text())
        assert dict(table["data"]) == trained.fact("importance")
        ((name, model),) = artifacts_of(run, "model").items()
        (entry,) = model.manifest.entries.values()
        assert (name, sorted(model.aliases)) == (f"model_{run.id}:v0", ["best", "latest"])
        assert base64.b64decode(entry.digest).hex() == trained.fact("model")


def test_cross_validation_records_means_and_deviations(trained: Trained) -> None:
    if "stock" in trained.folder.name:
        return
    with trained.api() as api:
        (run,) = api.runs("lightgbm", filters=FOLDS)
        for name, values in trained.fact("folds").items():
            key = name.replace(" ", "_")
            assert [row[key] for row in run.scan_history(keys=[key])] == pytest.approx(values)
