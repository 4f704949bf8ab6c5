"""Keras 3, with any backend: callbacks for `model.fit` that record metrics, checkpoints and predictions."""

from __future__ import annotations

from runstore.integrations.keras.checkpoints import WandbModelCheckpoint as WandbModelCheckpoint
from runstore.integrations.keras.metrics import WandbMetricsLogger as WandbMetricsLogger
from runstore.integrations.keras.predictions import WandbEvalCallback as WandbEvalCallback

__all__ = ["WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]
