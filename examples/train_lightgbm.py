"""LightGBM with wandb_callback and log_summary: rounds, parameters, feature importance, the model.

    runstore run -- python examples/train_lightgbm.py

Nothing in it knows of runstore: it is what Weights & Biases shows for LightGBM.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import lightgbm as lgb
import wandb
from compared import note
from sklearn.datasets import make_classification
from wandb.integration.lightgbm import log_summary, wandb_callback

PARAMS = {
    "objective": "binary",
    "metric": ["binary_logloss", "auc"],
    "num_leaves": 7,
    "learning_rate": 0.2,
    "num_threads": 1,
    "verbose": -1,
    "seed": 0,
}


def main() -> None:
    """Train a classifier, and then cross-validate it."""
    x, y = make_classification(n_samples=600, n_features=8, random_state=0)
    train = lgb.Dataset(x[:400], y[:400], free_raw_data=False)
    val = lgb.Dataset(x[400:], y[400:], reference=train)
    run = wandb.init(project="lightgbm", name="classifier")
    results: dict[str, dict[str, list[float]]] = {}
    model = lgb.train(
        dict(PARAMS),
        train,
        num_boost_round=20,
        valid_sets=[train, val],
        valid_names=["train", "val"],
        callbacks=[wandb_callback(), lgb.record_evaluation(results), lgb.early_stopping(5, verbose=False)],
    )
    log_summary(model, save_model_checkpoint=True)
    saved = Path(run.dir) / f"model_ckpt_{model.best_iteration}.txt"
    note(
        run=run.id,
        results=results,
        best_iteration=model.best_iteration,
        best_score={name: dict(scores) for name, scores in model.best_score.items()},
        importance=dict(zip(model.feature_name(), model.feature_importance().tolist())),
        model=hashlib.md5(saved.read_bytes()).hexdigest(),
    )
    wandb.finish()

    if os.environ.get("EXAMPLE_RETRIEVES", "1") == "1":  # W&B's own callback can't read what LightGBM 4.7 says of folds
        cross_validate(train)


def cross_validate(train: lgb.Dataset) -> None:
    """Train on each of three folds."""
    wandb.init(project="lightgbm", name="folds")
    folds = lgb.cv(dict(PARAMS), train, num_boost_round=5, nfold=3, seed=0, callbacks=[wandb_callback()])
    note(folds={key: [float(value) for value in values] for key, values in folds.items()})
    wandb.finish()


if __name__ == "__main__":
    main()
