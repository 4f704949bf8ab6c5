"""LightGBM: a callback that records every boosting round, and a summary of the trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightgbm import Booster

import runstore
from runstore.integrations.extremes import keep_best
from runstore.integrations.presence import current_run

_LOWER = frozenset(("l1", "l2", "rmse", "mape", "huber", "fair", "poisson", "gamma", "binary_logloss"))
_HIGHER = frozenset(("map", "auc", "average_precision"))
# Among LightGBM's own callbacks: after those that change parameters (10), before early stopping (30).
_ORDER = 20
_CROSS_VALIDATION = "cv_agg"  # stands in the place of the data's name, in versions that join that with the metric's


class RoundRecorder:
    """Record each boosting round as a row: `<data>_<metric>` and `iteration`."""

    order = _ORDER
    before_iteration = False

    def __init__(self, log_params: bool, define_metric: bool) -> None:
        self.log_params = log_params
        self.define_metric = define_metric

    def __call__(self, environment: Any) -> None:
        """Record the round that LightGBM has just ended."""
        run = current_run("wandb_callback")
        row: dict[str, Any] = {}
        names: dict[str, str] = {}
        for result in environment.evaluation_result_list:
            for key, name, value in _values(result):
                row[key], names[key] = value, name
        if environment.iteration == environment.begin_iteration:
            self._begin(run, environment.params, names)
        run.log({**row, "iteration": environment.iteration})

    def _begin(self, run: runstore.Run, params: dict[str, Any], names: dict[str, str]) -> None:
        if self.log_params:
            run.config.update(params, allow_val_change=True)
        if self.define_metric:
            for key, name in names.items():
                keep_best(run, key, name, _LOWER, _HIGHER)


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> RoundRecorder:
    """Return a callback for `lightgbm.train` that records into the current run.

    With `log_params` the config gets the training's parameters; with `define_metric` the summary keeps the best value
    of a metric whose name tells which is better.
    """
    return RoundRecorder(log_params, define_metric)


def log_summary(model: Booster, feature_importance: bool = True, save_model_checkpoint: bool = False) -> None:
    """Record what came of a training: `best_iteration` and `best_score` in the summary.

    With `feature_importance` a chart, `Feature Importance`; with `save_model_checkpoint` the model as it was in its
    best round, as the artifact `model_<run id>` with the alias "best". Raises Error where there is no run, and for
    what is no Booster.
    """
    run = current_run("log_summary")
    if not isinstance(model, Booster):
        raise runstore.Error(f"log_summary takes a lightgbm.Booster, not {type(model).__name__}")
    run.summary["best_iteration"] = model.best_iteration
    run.summary["best_score"] = model.best_score
    if feature_importance:
        _record_importance(run, model)
    if save_model_checkpoint:
        _record_model(run, model)


def _values(result: tuple[Any, ...]) -> list[tuple[str, str, Any]]:
    """Return key, name and value of each number in one result; of cross-validation a mean and a deviation."""
    data, name = result[1].split(maxsplit=1) if result[0] == _CROSS_VALIDATION else result[:2]
    if len(result) == 4:
        return [(f"{data}_{name}", name, result[2])]
    return [(f"{data}_{name}-{of}", f"{name}-{of}", value) for of, value in (("mean", result[2]), ("stdv", result[4]))]


def _record_importance(run: runstore.Run, model: Booster) -> None:
    rows = [[name, score] for name, score in zip(model.feature_name(), model.feature_importance(), strict=True)]
    table = runstore.Table(columns=["Feature", "Importance"], data=rows)
    chart = runstore.plot.bar(table, "Feature", "Importance", title="Feature Importance")
    run.log({"Feature Importance": chart}, commit=False)


def _record_model(run: runstore.Run, model: Booster) -> None:
    path = Path(run.dir) / f"model_ckpt_{model.best_iteration}.txt"
    model.save_model(path, num_iteration=model.best_iteration)
    artifact = runstore.Artifact(f"model_{run.id}", type="model")
    artifact.add_file(str(path))
    run.log_artifact(artifact, aliases=["best"])
