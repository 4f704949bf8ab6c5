"""How a run begins: its id, and whether it goes on from earlier logs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runstore.errors import UsageError
from runstore.sdk.resume import Earlier, earlier_logs
from runstore.sdk.run import Run
from runstore.sdk.rundir import checked_run_id, new_run_id
from runstore.settings import Settings


def begin(settings: Settings, config: Mapping[str, Any]) -> Run:
    """Return a run that is being recorded; raises what `runstore.init` raises."""
    given_id = settings.id
    settings = dataclasses.replace(settings, id=checked_run_id(given_id) if given_id else new_run_id())
    earlier = _earlier(settings) if settings.resume and given_id else None
    if settings.resume == "must" and earlier is None:
        raise UsageError(
            f'resume="must": no run {given_id or "without an id"} is below {Path(settings.dir) / "wandb"}; '
            'give the id of one that is, or resume="allow"'
        )
    return Run(settings, config, earlier)


def _earlier(settings: Settings) -> Earlier | None:
    earlier = earlier_logs(Path(settings.dir) / "wandb", settings.entity, settings.project, settings.id)
    if earlier is not None and settings.resume == "never":
        raise UsageError(f'resume="never": run {settings.id} exists already; choose another id')
    return earlier
