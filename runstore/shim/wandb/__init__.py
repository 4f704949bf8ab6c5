"""runstore under the name of W&B's library, for programs that `import wandb`.

Names are looked up in `runstore` each time that they are used, since `run`, `config` and `summary` change with the run.
"""

from __future__ import annotations

from typing import Any

import runstore
from runstore import finish as finish
from runstore import init as init
from runstore import log as log
from runstore.errors import CommError as CommError
from runstore.errors import UsageError as UsageError

__version__ = "0.31.0+runstore.1"

# Modules of this package that programs reach as attributes, without importing them.
_MODULES = ("apis", "data_types", "env", "errors", "integration", "sdk", "util", "wandb_run")
# The same of modules that import the library that they are for; not listed by dir(), for whoever looks at everything.
_FOR_LIBRARIES = ("keras", "lightgbm", "tensorboard", "xgboost")
# What there is no local meaning of; a program learns so when it calls it, not when it is imported.
_NEEDS_A_SERVER = ("agent", "controller", "sweep")


def __getattr__(name: str) -> Any:
    if name in _MODULES or name in _FOR_LIBRARIES:
        from importlib import import_module

        return import_module(f"wandb.{name}")
    if name in _NEEDS_A_SERVER:
        return _refusing(name)
    try:
        return getattr(runstore, name)
    except AttributeError:
        raise AttributeError(f"runstore's wandb has no {name!r}; W&B's library has it where this is needed") from None


def __dir__() -> list[str]:
    return sorted({*runstore.__all__, "CommError", *_MODULES, *_NEEDS_A_SERVER})


def _refusing(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> None:
        """Raise UsageError."""
        raise UsageError(f"wandb.{name} needs a W&B server, which runstore does without; run the program by itself")

    return refuse
