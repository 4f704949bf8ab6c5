"""Stable-Baselines3's callbacks, as W&B's library names them."""

from __future__ import annotations

from runstore.integrations.sb3 import WandbCallback as WandbCallback
