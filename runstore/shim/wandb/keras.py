"""The shorter name of wandb.integration.keras."""

from __future__ import annotations

from runstore.integrations.keras import WandbEvalCallback as WandbEvalCallback
from runstore.integrations.keras import WandbMetricsLogger as WandbMetricsLogger
from runstore.integrations.keras import WandbModelCheckpoint as WandbModelCheckpoint
