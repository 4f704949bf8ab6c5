"""The run of mode "disabled": every call of a run, at next to no cost, and nothing on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runstore.sdk import lifecycle
from runstore.sdk.config import unrecorded
from runstore.sdk.rundir import new_run_id


class _Values(dict[str, Any]):
    """A dict that can be read and set by attribute."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"this run's summary has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


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
        self.config = unrecorded(config)
        self.summary = _Values()

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Count the step and keep the last values for `summary`."""
        self.summary.update(data)
        if step is not None:
            self.step = max(self.step, int(step))
        if commit if commit is not None else step is None:
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
