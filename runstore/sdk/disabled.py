"""The run of mode "disabled": every call of a run, at next to no cost, and nothing on disk."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runstore.sdk import lifecycle
from runstore.sdk.config import unrecorded
from runstore.sdk.run import Run
from runstore.sdk.rundir import new_run_id
from runstore.settings import Settings

# What W&B calls a disabled run's project and entity: programs that insist on them go on.
_DUMMY = "dummy"


class DisabledRun(Run):
    """Takes what a Run takes and keeps none of it but config and summary, so that programs can read them back."""

    def __init__(self, config: Mapping[str, Any], settings: Settings | None = None) -> None:
        """Begin with these values; of the settings only what describes the run counts."""
        unkept: Any = _Unkept(settings or Settings(), config)
        super().__init__(unkept)
        self._unkept: _Unkept = unkept
        self._values: _Values = unkept.summary

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Count the step and keep the last values for `summary`, as they are."""
        self._values.update(data)
        if step is not None:
            self._unkept.step = max(self._unkept.step, int(step))
        if commit if commit is not None else step is None:
            self._unkept.step += 1

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Make room for the next run."""
        lifecycle.released(self)

    @property
    def disabled(self) -> bool:
        """True: nothing is recorded."""
        return True

    @property
    def offline(self) -> bool:
        """False, as W&B has it: there is nothing to deliver later."""
        return False

    def save(self, *args: Any, **kwargs: Any) -> bool:
        """Return False: nothing is saved."""
        return False

    def define_metric(self, *args: Any, **kwargs: Any) -> Any:
        """Return something that can be given as `step_metric`."""
        return Nothing(str(_first(args, kwargs, "name")))

    def log_artifact(self, *args: Any, **kwargs: Any) -> Any:
        """Return something with the artifact's name on which every call, such as `wait`, does nothing."""
        return _logged(_first(args, kwargs, "artifact_or_path"))

    def upsert_artifact(self, *args: Any, **kwargs: Any) -> Any:
        """As `log_artifact`."""
        return _logged(_first(args, kwargs, "artifact_or_path"))

    def finish_artifact(self, *args: Any, **kwargs: Any) -> Any:
        """As `log_artifact`."""
        return _logged(_first(args, kwargs, "artifact_or_path"))

    def use_artifact(self, *args: Any, **kwargs: Any) -> Any:
        """Return the artifact; for a name something on which every call does nothing."""
        return _artifact(_first(args, kwargs, "artifact_or_name"))

    def link_artifact(self, *args: Any, **kwargs: Any) -> Any:
        """Return the artifact, unlinked."""
        return _artifact(_first(args, kwargs, "artifact"))

    def use_model(self, *args: Any, **kwargs: Any) -> str:
        """Return an empty path: there is no model."""
        return ""

    def link_model(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_model(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def log_code(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def restore(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: no file is there."""

    def watch(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def unwatch(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def alert(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def mark_preempting(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def write_logs(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def pin_config_keys(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    def status(self, *args: Any, **kwargs: Any) -> Any:
        """Return something without any content."""
        return Nothing("status")

    def display(self, *args: Any, **kwargs: Any) -> bool:
        """Return False: nothing is shown."""
        return False

    def to_html(self, *args: Any, **kwargs: Any) -> str:
        """Return an empty page."""
        return ""

    def get_url(self) -> None:
        """Return None: there is no address."""

    def _label(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing; programs call it although W&B does not document it."""

    def __exit__(self, *_: object) -> None:
        self.finish()

    def __repr__(self) -> str:
        return f"<disabled Run {self.id}>"


class Nothing:
    """Stands for what a disabled run has not: every attribute and every call of it gives the same again."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):  # what Python asks for has to be answered truly
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Nothing:
        """Return the same again."""
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        """Go on."""

    def __str__(self) -> str:
        return self.name


class _Values(dict[str, Any]):
    """A dict that can be read and set by attribute."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"this run's summary has no {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


class _Unkept:
    """Answers what the properties of a run ask of its Recorder, and takes what would be recorded."""

    finished = False
    resumed = False
    is_forked = False
    starting_step = 0

    def __init__(self, settings: Settings, config: Mapping[str, Any]) -> None:
        self.run_id = settings.run_id or new_run_id()
        self.started_ns = time.time_ns()
        self.settings = dataclasses.replace(
            settings,
            mode="disabled",
            run_id=self.run_id,
            run_name=settings.run_name or f"{_DUMMY}-{self.run_id}",
            project=settings.project or _DUMMY,
            entity=settings.entity or _DUMMY,
            # Of no folder that a person looks into; no more than a name, since none is made.
            root_dir=os.environ.get("TMPDIR") or "/tmp",
            x_start_time=self.started_ns / 1e9,
        )
        self.config = unrecorded(config)
        self.summary = _Values()
        self.step = 0

    @property
    def history(self) -> _Unkept:
        return self

    @property
    def directory(self) -> Path:
        return Path(self.settings.sync_dir)

    def describe(self, **changed: Any) -> None:
        self.settings = dataclasses.replace(self.settings, **changed)

    def warn(self, text: str) -> None:
        """Say nothing."""

    def part(self, kind: type) -> Any:
        return Nothing(kind.__name__)

    def append(self, record: bytes) -> None:
        """Drop it."""


def _first(args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    return args[0] if args else kwargs.get(name)


def _logged(given: Any) -> Nothing:
    return Nothing(str(getattr(given, "name", given)))


def _artifact(given: Any) -> Any:
    return Nothing(str(given)) if given is None or isinstance(given, (str, os.PathLike)) else given
