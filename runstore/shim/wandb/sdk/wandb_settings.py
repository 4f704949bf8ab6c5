"""The class of settings."""

from __future__ import annotations

from runstore import Settings as Settings
