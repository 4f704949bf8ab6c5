"""XGBoost's callbacks, as W&B's library names them."""

from __future__ import annotations

from runstore.integrations.xgboost import WandbCallback as WandbCallback
from runstore.integrations.xgboost import wandb_callback as wandb_callback
