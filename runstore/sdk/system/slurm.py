"""What SLURM tells a job about itself."""

from __future__ import annotations

import os
from collections.abc import Mapping

_PREFIX = "SLURM_"


def slurm_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables SLURM_*, by W&B's names: in lower case, without the prefix. Empty outside of a job."""
    environment = os.environ if environment is None else environment
    return {
        name.removeprefix(_PREFIX).lower(): value.encode("utf-8", "replace").decode()
        for name, value in environment.items()
        if name.startswith(_PREFIX)
    }
