"""The error of a config value that would change."""

from __future__ import annotations

from runstore.errors import ConfigError as ConfigError
