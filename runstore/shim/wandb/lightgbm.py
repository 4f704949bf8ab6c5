"""The shorter name of wandb.integration.lightgbm."""

from __future__ import annotations

from runstore.integrations.lightgbm import log_summary as log_summary
from runstore.integrations.lightgbm import wandb_callback as wandb_callback
