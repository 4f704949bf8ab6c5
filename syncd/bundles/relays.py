"""The folders in which runs lie that are imported into a hub: one for each, under RUNSTORE_HOME."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runstore.errors import UsageError
from runstore.paths import home_folder
from runstore.syncd.remotes.configured import HUB, find_remote

_RELAYS, _RUNS = "relayed", "wandb"


def relay_folder(remote: str) -> Path:
    """Return the folder in which runs lie on their way to a hub, by its name or URL; it may have to be made.

    Raises NotFound, and UsageError for what is no hub: others don't prove what they hold, byte for byte.
    """
    known = find_remote(remote)
    if known.kind != HUB:
        raise UsageError(
            f"{remote} is no hub, and can't prove what it holds; import into a folder, and deliver that:"
            f" runstore sync DIR --remote {remote}"
        )
    return home_folder() / _RELAYS / hashlib.sha256(known.url.rstrip("/").encode()).hexdigest()[:16] / _RUNS
