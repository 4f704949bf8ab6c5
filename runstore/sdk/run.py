"""A run, as the training process holds it.

Each method says what it does and hands the work on to the part of the run that does it, which is loaded at its first
use: a program pays for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from runstore.errors import UsageError
from runstore.sdk import autoresume, lifecycle, signals
from runstore.sdk.described import Described
from runstore.sdk.ending import exit_code_of, exit_code_so_far

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.config import Config
    from runstore.sdk.metrics import Metric
    from runstore.sdk.recorder import Recorder
    from runstore.sdk.summary import Summary

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class RunStatus:
    """Records of this process: how many there are, and how many of them wait for the disk."""

    sync_items_total: int = 0
    sync_items_pending: int = 0
    sync_time: datetime | None = None


class Run(Described):
    """One run: log its metrics with `log`, read and set `config` and `summary`, end it with `finish`.

    Made by `runstore.init`. Usable as a context manager, which finishes it, with exit code 1 after an exception.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def config(self) -> Config:
        """What the run was started with."""
        return self._recorder.config

    @property
    def summary(self) -> Summary:
        """One value a metric: the last one logged, or what was set by hand."""
        return self._recorder.summary

    # Metrics.

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Log metrics for one step. When this returns, the operating system has them: a SIGKILL can't take them.

        Without `step` this is the next row. With `step`, or `commit=False`, the row stays open and later calls for
        the same step add to it. Steps that lie behind are kept. `sync` is accepted for older programs and ignored.

        Costs some microseconds and one system call. Never raises for a full or failing disk: that is said once, and
        training goes on. Raises TypeError if `data` is no mapping, UsageError after `finish`.
        """
        if self._recorder.finished:
            raise self._ended()
        if type(data) is not dict and not isinstance(data, Mapping):
            raise TypeError(f"log() takes a dict of names and values, not {type(data).__name__}")
        self._recorder.log(data, step, commit)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
        goal: str | None = None,
    ) -> Metric:
        """Say how a metric is charted and summarised; return its definition.

        `name` may end with a glob's `*`, for all metrics that match. `step_metric` is the metric to draw it against,
        whose last value is added to rows that lack it unless `step_sync` is False. `summary` names what the summary
        keeps, separated by commas: min, max, mean, best, last, first, copy, none; "best" follows `goal`, which is
        "minimize" or "maximize". What an earlier call said stays, unless `overwrite` is true.

        Raises UsageError for a name, `summary` or `goal` that can't be used.
        """
        from runstore.sdk.metrics import define

        self._usable()
        return define(self._recorder, name, step_metric, step_sync, hidden, summary, overwrite, goal)

    # Models.

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of a torch model's gradients or parameters, with every `log_freq`-th backward pass.

        `models` is a torch.nn.Module or a sequence of them, `log` one of "gradients", "parameters", "all" or None.
        With `log_graph` the modules and their parameters are recorded in the summary as a graph.
        """
        from runstore.sdk.models.gradients import Watching

        self._usable()
        self._recorder.part(Watching).watch(models, criterion, log, log_freq, idx, log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Take the hooks of `watch` off these models, or off all."""
        from runstore.sdk.models.gradients import Watching

        self._recorder.part(Watching).unwatch(models)

    # Files.

    def save(
        self, glob_str: PathLike, base_path: PathLike | None = None, policy: str = "live", glob: bool = True
    ) -> bool | list[str]:
        """Copy the files that match into the run directory, now; return the paths of the copies.

        With `policy` "live" they are copied again whenever they change and when the run ends, with "end" when it
        ends, with "now" never again. `base_path` is the folder whose structure below is kept. Without `glob` the
        name is taken literally.
        """
        from runstore.sdk.files.saving import SavedFiles

        self._usable()
        return self._recorder.part(SavedFiles).save(glob_str, base_path, policy, glob)

    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
    ) -> TextIO | None:
        """Bring back a file that this or an earlier run saved, and return it open for reading.

        It is copied to `root` (the run's `dir` by default); a file that is there already stays, unless `replace`.
        Raises NotFound where no run directory here holds it.
        """
        from runstore.sdk.files.saving import SavedFiles

        return self._recorder.part(SavedFiles).restore(name, run_path, replace, root)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Record the code below `root` as an artifact of type "code"; None where no file is included.

        `include_fn` and `exclude_fn` take a path, or a path and the root. By default Python sources, requirements
        and Dockerfiles are included, and run directories excluded.
        """
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).log_code(root, name, include_fn, exclude_fn)

    # Artifacts.

    def log_artifact(
        self,
        artifact_or_path: Artifact | PathLike,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's name for it
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Record an artifact, or the file or folder at a path, as an output of this run. Its bytes are copied now.

        When this returns, it has a version, and its name and aliases can be looked up by every process here. Equal
        content is no new version; an artifact that is logged again only gets the aliases.
        """
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).log_artifact(artifact_or_path, name, type, aliases, tags)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add to an artifact that several runs make together; `finish_artifact` of one of them completes it."""
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        log = self._recorder.part(ArtifactLog)
        return log.upsert_artifact(artifact_or_path, name, type, aliases, distributed_id)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Complete an artifact that several runs added to with `upsert_artifact`."""
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        log = self._recorder.part(ArtifactLog)
        return log.finish_artifact(artifact_or_path, name, type, aliases, distributed_id)

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,  # noqa: A002
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Declare an artifact as an input of this run, and return it.

        It is given by its name, such as "data:latest", "project/data:v3" or "entity/project/data:best", or is one that
        was logged or looked up before; one that was not logged yet is logged as an input. With `type`, it has to be of
        that type. Raises CommError for a name that nothing here has, naming the nearest.
        """
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).use_artifact(artifact_or_name, type, aliases, use_as)

    def log_model(self, path: PathLike, name: str | None = None, aliases: list[str] | None = None) -> None:
        """Record the file or folder at `path` as an artifact of type "model"."""
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        self._recorder.part(ArtifactLog).log_model(path, name, aliases)

    def use_model(self, name: str) -> str:
        """Declare a model as an input of this run, copy its files here, and return the path of its file or folder."""
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).use_model(name)

    def link_artifact(self, artifact: Artifact, target_path: str, aliases: list[str] | None = None) -> Artifact:
        """Make an artifact a version of another collection too, such as a registry's; return it as that has it.

        `target_path` is `[[entity/]project/]collection`. One that was not logged yet is logged first.
        """
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).link_artifact(artifact, target_path, aliases)

    def link_model(
        self, path: PathLike, registered_model_name: str, name: str | None = None, aliases: list[str] | None = None
    ) -> Artifact | None:
        """Record the model at `path` and link it into a registry."""
        from runstore.sdk.artifacts.recording import ArtifactLog

        self._usable()
        return self._recorder.part(ArtifactLog).link_model(path, registered_model_name, name, aliases)

    # Messages.

    def alert(
        self,
        title: str,
        text: str,
        level: str | None = None,
        wait_duration: int | float | timedelta | None = None,
    ) -> None:
        """Record a message to be sent to people when the run is delivered.

        `level` is INFO (the default), WARN or ERROR; `wait_duration` the least time between two of the same title, in
        seconds, 60 by default.
        """
        from runstore.sdk.messages import alert_record

        self._usable()
        self._recorder.append(alert_record(title, text, level, wait_duration))

    def mark_preempting(self) -> None:
        """Record that this process is about to be stopped, and the run to be resumed later."""
        from runstore.sdk.messages import preempting_record

        self._usable()
        self._recorder.append(preempting_record())

    def write_logs(self, text: str) -> None:
        """Add `text` to the run's console log without printing it. Ignored after `finish`, as loggers may go on."""
        from runstore.sdk.messages import logger_record

        if not self._recorder.finished:
            self._recorder.append(logger_record(text))

    # How it stands.

    def status(self) -> RunStatus:
        """Return how much of the run waits to be written; delivery is the daemon's, see `runstore daemon status`."""
        waiting, written = self._recorder.written()
        return RunStatus(sync_items_total=written + waiting, sync_items_pending=waiting)

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Record which config keys a table of runs should show first."""
        self._usable()
        self._recorder.set_wandb_config(("pinned_keys",), list(keys))

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Return False: the run has no page to be shown in a notebook."""
        return False

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Return a line of HTML that says where the run is recorded."""
        import html

        return f"<p>run {html.escape(self.path)} is recorded in {html.escape(self.sync_dir)}</p>"

    def get_url(self) -> str | None:
        """Return None: a run has no address before it is delivered. Older programs call it."""
        return self.url

    def _label(
        self, code: str | None = None, repo: str | None = None, code_version: str | None = None, **_: str
    ) -> None:
        """Do nothing: by this, libraries tell W&B of themselves."""

    def _tensorboard_callback(self, logdir: str, save: bool = True, root_logdir: str = "", written: Any = None) -> None:
        """Read the event files that come into a folder into this run; see runstore.integrations.tensorboard."""
        from runstore.integrations.tensorboard.following import EventFiles

        self._usable()
        self._recorder.part(EventFiles).add(logdir, save, root_logdir, written)

    # The end.

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: finish the open row, write summary and exit code, bring all to the disk.

        The exit code is 0 by default. After `sys.exit(3)` a 0 becomes 3, whether it was given or not.

        Safe to repeat. `quiet` is accepted for older programs and ignored.
        """
        exit_code = exit_code or exit_code_so_far()
        self._recorder.finish(exit_code)
        if not exit_code and self.settings.resume == "auto" and not self._recorder.adds_to_another:
            autoresume.forget(self.settings.root_dir, self.id)
        lifecycle.released(self)

    @property
    def _attach_id(self) -> str:
        """What another process gives to `runstore.attach`, to add to this run; also how a run is pickled."""
        self._recorder.share()
        return self.sync_dir

    def __reduce__(self) -> tuple[Any, ...]:
        from runstore.sdk.beginning import attach

        return attach, (self._attach_id,)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, SystemExit) and not self._recorder.finished:
            self._recorder.write_exception(error)
        self.finish(exit_code_of(error))

    def __repr__(self) -> str:
        return f"<Run {self.path} in {Path(self.sync_dir)}>"

    def _warn(self, text: str) -> None:
        self._recorder.warn(text)

    def _usable(self) -> None:
        if self._recorder.finished:
            raise self._ended()

    def _ended(self) -> UsageError:
        signals.hold_if_ending()  # a thread that logs while a signal ends the program has made no mistake
        return UsageError(f"run {self.id} is finished; begin another one with runstore.init()")
