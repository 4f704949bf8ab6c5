"""The shorter name of wandb.integration.tensorboard."""

from __future__ import annotations

from runstore.integrations.tensorboard import patch as patch
from runstore.integrations.tensorboard import unpatch as unpatch
