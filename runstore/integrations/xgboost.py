"""XGBoost: a callback that records every boosting round, the model's configuration, and what came of it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xgboost.callback import TrainingCallback

import runstore
from runstore.integrations.extremes import keep_best
from runstore.integrations.presence import current_run

_LOWER = frozenset(("rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "error@t", "merror"))
_HIGHER = frozenset(("auc", "aucpr", "ndcg", "map", "ndcg@n", "map@n"))


class WandbCallback(TrainingCallback):  # type: ignore[misc]
    """Record a training of XGBoost's into the current run.

    The config gets the booster's configuration; every round is a row of `<data>-<metric>` and `epoch`; at the end come
    `best_score` and `best_iteration`, where training stopped early, and a chart, `Feature Importance`.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        """Say what is recorded; raises Error where there is no run.

        With `log_model` the booster becomes an artifact of type "model", `<run id>_model.json`. `importance_type` is
        weight, gain, cover, total_gain or total_cover. With `define_metric` the summary keeps the best value of a
        metric whose name tells which is better.
        """
        super().__init__()
        current_run("WandbCallback")
        self.log_model = log_model
        self.log_feature_importance = log_feature_importance
        self.importance_type = importance_type
        self.define_metric = define_metric
        self._defined: set[str] = set()

    def before_training(self, model: Any) -> Any:
        """Put the booster's configuration into the config."""
        run = current_run("WandbCallback")
        if hasattr(model, "save_config"):  # what cross-validation trains is a pack of boosters, without one
            run.config.update(json.loads(model.save_config()), allow_val_change=True)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, list[Any]]]) -> bool:
        """Record a row; never stops the training."""
        run = current_run("WandbCallback")
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for name, values in metrics.items():
                key = f"{data}-{name}"
                if self.define_metric and key not in self._defined:
                    self._defined.add(key)
                    keep_best(run, key, name, _LOWER, _HIGHER)
                row[key] = values[-1]
        run.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        """Record the model, the importance of its features, and its best round."""
        run = current_run("WandbCallback")
        if self.log_model:
            _record_model(run, model)
        if self.log_feature_importance and hasattr(model, "get_score"):
            _record_importance(run, model.get_score(importance_type=self.importance_type))
        best = model.attr("best_score") if hasattr(model, "attr") else None
        if best is not None:
            run.log({"best_score": float(best), "best_iteration": int(model.attr("best_iteration"))})
        return model


def wandb_callback() -> Callable[[Any], None]:
    """Return a callback of the older kind, which takes XGBoost's environment; WandbCallback is to be preferred."""
    warnings.warn("wandb_callback is the older way; use WandbCallback, which records more", UserWarning, stacklevel=2)

    def record(environment: Any) -> None:
        runstore.log(dict(environment.evaluation_result_list))

    return record


def _record_model(run: runstore.Run, model: Any) -> None:
    name = f"{run.id}_model.json"
    path = Path(run.dir) / name
    model.save_model(str(path))
    artifact = runstore.Artifact(name, type="model")
    artifact.add_file(str(path))
    run.log_artifact(artifact)


def _record_importance(run: runstore.Run, scores: dict[str, Any]) -> None:
    table = runstore.Table(columns=["Feature", "Importance"], data=[[name, score] for name, score in scores.items()])
    chart = runstore.plot.bar(table, "Feature", "Importance", title="Feature Importance")
    run.log({"Feature Importance": chart})
