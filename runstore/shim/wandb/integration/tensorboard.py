"""TensorBoard's event files, read into the run."""

from __future__ import annotations

from runstore.integrations.tensorboard import patch as patch
from runstore.integrations.tensorboard import unpatch as unpatch
