"""How a run begins: its id, and whether it goes on from earlier logs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import UsageError
from runstore.sdk.run import Run
from runstore.sdk.rundir import checked_run_id, new_run_id
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.resume import Earlier


def begin(settings: Settings, config: Mapping[str, Any]) -> Run:
    """Return a run that is being recorded; raises what `runstore.init` raises."""
    given_id = settings.id
    settings = dataclasses.replace(
        settings,
        id=checked_run_id(given_id) if given_id else new_run_id(),
        dir=_absolute(settings.dir),
    )
    earlier = _earlier(settings) if settings.resume and given_id else None
    if settings.resume == "must" and earlier is None:
        raise UsageError(
            f'resume="must": no run {given_id or "without an id"} is below {Path(settings.dir) / "wandb"}; '
            'give the id of one that is, or resume="allow"'
        )
    if earlier is not None:
        settings = dataclasses.replace(settings, name=settings.name or earlier.name)
    return Run(settings, config, earlier)


def _absolute(folder: str) -> str:
    """Return `folder` as it is meant now, since a program may change its directory later."""
    try:
        return os.path.abspath(folder)
    except FileNotFoundError:  # the current folder was deleted: making the run directory will say so
        return folder


def _earlier(settings: Settings) -> Earlier | None:
    from runstore.sdk.resume import earlier_logs  # a run that begins anew should not pay for it

    earlier = earlier_logs(Path(settings.dir) / "wandb", settings.entity, settings.project, settings.id)
    if earlier is not None and settings.resume == "never":
        raise UsageError(f'resume="never": run {settings.id} exists already; choose another id')
    return earlier
