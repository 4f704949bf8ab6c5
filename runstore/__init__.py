"""Keep the record of machine-learning training runs on local disk first, and deliver it later.

    import runstore
    with runstore.init(project="demo", config={"lr": 0.1}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)})

`import runstore as wandb` serves code that was written against W&B's library. Heavy names load at their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstore.errors import Error, RunstoreError, UsageError
from runstore.sdk.lifecycle import BeforeInit, finish, init, log
from runstore.version import VERSION as __version__  # noqa: N811 - the name that every package has

if TYPE_CHECKING:
    from runstore.query.api import Api as Api
    from runstore.sdk.config import Config
    from runstore.sdk.disabled import DisabledRun
    from runstore.sdk.run import Run as Run
    from runstore.sdk.summary import Summary
    from runstore.settings import Settings as Settings

__all__ = [
    "init",
    "log",
    "finish",
    "run",
    "config",
    "summary",
    "Run",
    "Api",
    "Settings",
    "Error",
    "RunstoreError",
    "UsageError",
    "__version__",
]

run: Run | DisabledRun | None = None
config: Config | BeforeInit = BeforeInit("config")
summary: Summary | BeforeInit | dict[str, Any] = BeforeInit("summary")

_LAZY = {"Api": "runstore.query.api", "Run": "runstore.sdk.run", "Settings": "runstore.settings"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'runstore' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
