"""The run of mode "disabled": every call of a run, at next to no cost, and nothing on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstore.sdk import lifecycle
from runstore.sdk.config import Config
from runstore.sdk.rundir import new_run_id


class DisabledRun:
    """Takes what a Run takes and keeps none of it but config and summary, so that programs can read them back."""

    id: str
    name = notes = None
    entity = project = group = job_type = path = dir = sync_dir = ""
    tags: tuple[str, ...] = ()
    disabled = True
    offline = True
    resumed = False
    starting_step = 0
    start_time = 0.0

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.id = new_run_id()
        self.step = 0
        self.config = Config(lambda updated, removed: None)
        self.config.load(config)
        self.summary: dict[str, Any] = {}

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Do nothing but count the step."""
        if step is None and commit is not False:
            self.step += 1

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Make room for the next run."""
        lifecycle.released(self)

    def _warn(self, text: str) -> None:
        """Say nothing."""

    def __enter__(self) -> DisabledRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
