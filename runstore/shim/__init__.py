"""The `wandb` package that takes W&B's place: this folder goes to the front of the module search path.

`runstore run` does that for a program that it starts, by PYTHONPATH, so that the program's children have it too;
`install_as_wandb` for the program that calls it. So nothing but `wandb` and its dist-info may lie here: any other
module would hide a user's of that name. The dist-info makes libraries that ask for wandb's version find one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runstore.errors import UsageError


def folder() -> Path:
    """Return the folder to be searched for `wandb` first."""
    return Path(__file__).resolve().parent


def commands_folder() -> Path:
    """Return the folder that holds the command `wandb`."""
    return folder() / "bin"


def install_as_wandb() -> None:
    """Make `import wandb` in this process mean runstore, from now on; once is enough, more does no harm.

    For programs that can't be started by `runstore run`: call it before anything imports wandb.
    Raises UsageError where W&B's own library was imported already.
    """
    here = str(folder())
    loaded = sys.modules.get("wandb")
    if loaded is not None and not str(getattr(loaded, "__file__", "")).startswith(here):
        raise UsageError("W&B's wandb was imported already; call runstore.install_as_wandb() before what imports it")
    if here not in sys.path:
        sys.path.insert(0, here)
