"""XGBoost with the WandbCallback: rounds, the best of them, feature importance, the model.

    runstore run -- python examples/train_xgboost.py

Nothing in it knows of runstore: it is what Weights & Biases shows for XGBoost.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import wandb
import xgboost as xgb
from compared import note
from sklearn.datasets import make_regression
from sklearn.model_selection import train_test_split
from wandb.integration.xgboost import WandbCallback

ROUNDS = 25


def main() -> None:
    """Fit a regressor, and then let a training stop early."""
    x, y = make_regression(n_samples=400, n_features=6, noise=4.0, random_state=0)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    run = wandb.init(project="xgboost", name="regressor", config={"rounds": ROUNDS})
    regressor = xgb.XGBRegressor(
        n_estimators=ROUNDS,
        learning_rate=0.3,
        max_depth=3,
        random_state=0,
        n_jobs=1,
        eval_metric=["rmse", "mae"],
        callbacks=[WandbCallback(log_model=True)],
    )
    regressor.fit(x_train, y_train, eval_set=[(x_train, y_train), (x_test, y_test)], verbose=False)
    model = Path(run.dir) / f"{run.id}_model.json"
    note(
        run=run.id,
        results=regressor.evals_result(),
        importance=regressor.get_booster().get_score(importance_type="gain"),
        model=hashlib.md5(model.read_bytes()).hexdigest(),
    )
    wandb.finish()

    run = wandb.init(project="xgboost", name="stopped")
    train, test = xgb.DMatrix(x_train, y_train), xgb.DMatrix(x_test, y_test)
    booster = xgb.train(
        {"max_depth": 6, "eta": 1.0, "nthread": 1},
        train,
        num_boost_round=50,
        evals=[(test, "test")],
        early_stopping_rounds=2,
        verbose_eval=False,
        callbacks=[WandbCallback(log_feature_importance=False, define_metric=False)],
    )
    note(stopped={"best_score": booster.best_score, "best_iteration": booster.best_iteration})
    wandb.finish()


if __name__ == "__main__":
    main()
