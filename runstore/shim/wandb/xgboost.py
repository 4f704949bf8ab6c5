"""The shorter name of wandb.integration.xgboost."""

from __future__ import annotations

from runstore.integrations.xgboost import WandbCallback as WandbCallback
from runstore.integrations.xgboost import wandb_callback as wandb_callback
