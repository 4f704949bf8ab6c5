"""Fabric's own parts, from whichever of Lightning's packages is installed: `lightning` or `lightning_fabric`."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("lightning") is not None:
    from lightning.fabric.loggers.logger import Logger as Logger
    from lightning.fabric.loggers.logger import rank_zero_experiment as rank_zero_experiment
    from lightning.fabric.utilities.rank_zero import rank_zero_only as rank_zero_only
else:
    from lightning_fabric.loggers.logger import Logger as Logger
    from lightning_fabric.loggers.logger import rank_zero_experiment as rank_zero_experiment
    from lightning_fabric.utilities.rank_zero import rank_zero_only as rank_zero_only
