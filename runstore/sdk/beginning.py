"""How a run begins: its id, and whether it goes on from earlier logs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import UsageError
from runstore.sdk.recorder import Recorder
from runstore.sdk.run import Run
from runstore.sdk.rundir import checked_run_id, new_run_id
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.resume import Earlier


def begin(settings: Settings, config: Mapping[str, Any]) -> Run:
    """Return a run that is being recorded; raises what `runstore.init` raises."""
    given_id = settings.run_id
    settings = dataclasses.replace(
        settings,
        run_id=checked_run_id(given_id) if given_id else new_run_id(),
        root_dir=_absolute(settings.root_dir),
    )
    earlier = _earlier(settings) if settings.resume and given_id else None
    if settings.resume == "must" and earlier is None:
        raise UsageError(
            f'resume="must": no run {given_id or "without an id"} is below {Path(settings.root_dir) / "wandb"}; '
            'give the id of one that is, or resume="allow"'
        )
    if earlier is not None:
        settings = dataclasses.replace(settings, run_name=settings.run_name or earlier.name)
    return Run(Recorder(settings, config, earlier))


def _absolute(folder: str) -> str:
    """Return `folder` as it is meant now, since a program may change its directory later."""
    try:
        return os.path.abspath(folder)
    except FileNotFoundError:  # the current folder was deleted: making the run directory will say so
        return folder


def _earlier(settings: Settings) -> Earlier | None:
    from runstore.sdk.resume import earlier_logs  # a run that begins anew should not pay for it

    earlier = earlier_logs(Path(settings.root_dir) / "wandb", settings.entity, settings.project, settings.run_id)
    if earlier is not None and settings.resume == "never":
        raise UsageError(f'resume="never": run {settings.run_id} exists already; choose another id')
    return earlier
