"""The logger of Lightning Fabric."""

from __future__ import annotations

from runstore.integrations.fabric import WandbLogger as WandbLogger
