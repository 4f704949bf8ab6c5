"""The few functions of W&B's drawer that other libraries call."""

from __future__ import annotations

import importlib
from typing import Any

from runstore.shim.wandb.sdk.lib.runid import generate_id as generate_id


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> Any:
    """Return a module, or None where it is not installed; with `required`, raise ImportError with that text then."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if required:
            raise ImportError(required if isinstance(required, str) else f"{name} is not installed") from error
        return None
