"""The class of configs."""

from __future__ import annotations

from runstore.sdk.config import Config as Config
