"""Lightning Fabric: a logger that records metrics, hyperparameters, media and checkpoints."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import runstore
from runstore.integrations.checkpointed import checkpoints_of
from runstore.integrations.fabric_parts import Logger, rank_zero_experiment, rank_zero_only

PathLike = str | os.PathLike[str]

_PROJECT = "lightning_fabric_logs"
_AXIS = "trainer/global_step"


class WandbLogger(Logger):  # type: ignore[misc]
    """Records what Fabric's `log` and `log_dict` are given; the run is begun at its first use, on rank 0 alone."""

    LOGGER_JOIN_CHAR = "-"

    def __init__(
        self,
        name: str | None = None,
        save_dir: PathLike | None = ".",
        version: str | None = None,
        offline: bool = False,
        dir: PathLike | None = None,  # noqa: A002 - W&B's name for it
        id: str | None = None,  # noqa: A002
        anonymous: bool | None = None,
        project: str | None = None,
        log_model: str | bool = False,
        experiment: runstore.Run | None = None,
        prefix: str = "",
        checkpoint_name: str | None = None,
        log_checkpoint_on: str = "success",
        **kwargs: Any,
    ) -> None:
        """Say how the run is to be begun; `kwargs` are further arguments of `init`.

        `save_dir` (or `dir`) is the folder above the run directories, `version` (or `id`) the run's id, which is
        resumed where it exists. With `log_model` a ModelCheckpoint's files become versions of the artifact
        `model-<run id>` (or `checkpoint_name`): "all" as they are made, True at the end; `log_checkpoint_on` is
        "success", or "all" for those of failed trainings too. `prefix` stands before every metric's name.
        """
        super().__init__()
        folder = save_dir if save_dir is not None else dir
        self._init: dict[str, Any] = {
            "name": name,
            "project": project or os.environ.get("WANDB_PROJECT", _PROJECT),
            "dir": os.fspath(folder) if folder is not None else None,
            "id": version or id,
            "resume": "allow",
            "mode": "offline" if offline else None,
            **kwargs,
        }
        self._experiment = experiment
        self._attach_id: str | None = None
        self._log_model = log_model
        self._prefix = prefix
        self._checkpoint_name = checkpoint_name
        self._log_checkpoint_on = log_checkpoint_on
        self._checkpoint_callback: Any = None
        self._recorded: dict[str, float] = {}  # path of a checkpoint -> when it was modified

    def __getstate__(self) -> dict[str, Any]:
        """Begin the run before the logger is handed to other processes, so that they add to it."""
        run = self.experiment
        return {**vars(self), "_experiment": None, "_attach_id": getattr(run, "_attach_id", None)}

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator]
    def experiment(self) -> Any:
        """The run; begun now where it was not yet, unless another goes on. On other ranks, one that does nothing."""
        if self._experiment is None:
            if runstore.run is not None:
                runstore.termwarn("a run is going on already, and this WandbLogger records into it")
                self._experiment = runstore.run
            elif self._attach_id is not None:
                self._experiment = runstore.attach(self._attach_id)
            else:
                self._experiment = runstore.init(**self._init)
                self._experiment.define_metric(_AXIS)
                self._experiment.define_metric("*", step_metric=_AXIS, step_sync=True)
        return self._experiment

    # What Fabric calls.

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Record a row; `step` becomes the metric `trainer/global_step`."""
        if self._prefix:
            metrics = {f"{self._prefix}{self.LOGGER_JOIN_CHAR}{name}": value for name, value in metrics.items()}
        self.experiment.log(dict(metrics) if step is None else {**metrics, _AXIS: step})

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Put parameters into the config; what can be called, without arguments, is asked for its value."""
        values = vars(params) if isinstance(params, Namespace) else dict(params or {})
        self.experiment.config.update({key: _plain(value) for key, value in values.items()}, allow_val_change=True)

    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Do nothing: `watch` records the graph of a model."""

    @rank_zero_only  # type: ignore[untyped-decorator]
    def save(self) -> None:
        """Finish the open row."""
        self.experiment.log({}, commit=True)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def finalize(self, status: str) -> None:
        """Record the checkpoints that were left for the end of the training."""
        wanted = self._log_checkpoint_on == "all" or status == self._log_checkpoint_on == "success"
        if wanted and self._checkpoint_callback is not None and self._experiment is not None:
            self._record_checkpoints(self._checkpoint_callback)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Record the checkpoints that a ModelCheckpoint has made, or keep it in mind for the end."""
        if self._log_model == "all" or (self._log_model is True and checkpoint_callback.save_top_k == -1):
            self._record_checkpoints(checkpoint_callback)
        elif self._log_model is True:
            self._checkpoint_callback = checkpoint_callback

    @property
    def save_dir(self) -> str | None:
        """The folder above the run directories."""
        found: str | None = self._init["dir"]
        return found

    @property
    def name(self) -> str | None:
        """The project's name; the run's own is `experiment.name`."""
        found: str | None = self._init["project"]
        return found

    @property
    def version(self) -> str | None:
        """The run's id; before the run, the one that it is to have."""
        found: str | None = self._experiment.id if self._experiment is not None else self._init["id"]
        return found

    @property
    def log_dir(self) -> str | None:
        """The same as `save_dir`."""
        return self.save_dir

    @property
    def root_dir(self) -> str | None:
        """The folder above `save_dir`."""
        return os.fspath(Path(self.save_dir).parent) if self.save_dir else None

    @property
    def group_separator(self) -> str:
        """What stands between a prefix and a name."""
        return self.LOGGER_JOIN_CHAR

    # What programs call.

    def watch(self, model: Any, log: str = "gradients", log_freq: int = 100, log_graph: bool = True) -> None:
        """Record histograms of gradients or parameters; see Run.watch."""
        self.experiment.watch(model, log=log, log_freq=log_freq, log_graph=log_graph)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_table(
        self,
        key: str,
        columns: list[str] | None = None,
        data: list[list[Any]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Record a table, from `columns` and `data` or from a `dataframe`."""
        self.log_metrics({key: runstore.Table(columns=columns, data=data, dataframe=dataframe)}, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_text(
        self,
        key: str,
        columns: list[str] | None = None,
        data: list[list[str]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Record texts, as a table."""
        self.log_table(key, columns, data, dataframe, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_html(self, key: str, htmls: list[Any], step: int | None = None, **kwargs: Any) -> None:
        """Record pages; each of `kwargs` is a list with an argument of Html for each."""
        self.log_metrics({key: _each(runstore.Html, "htmls", htmls, kwargs)}, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_image(self, key: str, images: list[Any], step: int | None = None, **kwargs: Any) -> None:
        """Record pictures (tensors, arrays, Pillow's, paths); each of `kwargs` has an argument of Image for each."""
        self.log_metrics({key: _each(runstore.Image, "images", images, kwargs)}, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_audio(self, key: str, audios: list[Any], step: int | None = None, **kwargs: Any) -> None:
        """Record sounds (arrays, paths); each of `kwargs` is a list with an argument of Audio for each."""
        self.log_metrics({key: _each(runstore.Audio, "audios", audios, kwargs)}, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_video(self, key: str, videos: list[Any], step: int | None = None, **kwargs: Any) -> None:
        """Record films (arrays, paths); each of `kwargs` is a list with an argument of Video for each."""
        self.log_metrics({key: _each(runstore.Video, "videos", videos, kwargs)}, step)

    @staticmethod
    @rank_zero_only  # type: ignore[untyped-decorator]
    def download_artifact(
        artifact: str,
        save_dir: PathLike | None = None,
        artifact_type: str | None = None,
        use_artifact: bool | None = True,
    ) -> str:
        """Copy an artifact's files to `save_dir` and return their folder; the current run is noted to have used it."""
        if runstore.run is not None and use_artifact:
            found = runstore.run.use_artifact(artifact)
        else:
            found = runstore.Api().artifact(artifact, type=artifact_type)
        return str(found.download(root=None if save_dir is None else os.fspath(save_dir)))

    def use_artifact(self, artifact: str, artifact_type: str | None = None) -> Any:
        """Return an artifact, which the run is noted to have used."""
        return self.experiment.use_artifact(artifact, type=artifact_type)

    def _record_checkpoints(self, callback: Any) -> None:
        name = self._checkpoint_name or f"model-{self.experiment.id}"
        for found in checkpoints_of(callback, self._recorded):
            artifact = runstore.Artifact(name, type="model", metadata=found.metadata)
            artifact.add_file(found.path, name="model.ckpt")
            self.experiment.log_artifact(artifact, aliases=["latest", "best"] if found.is_best else ["latest"])
            self._recorded[found.path] = found.modified


def _each(kind: Any, what: str, items: Any, kwargs: Mapping[str, Sequence[Any]]) -> list[Any]:
    """Return one `kind` for each of `items`, with its own of the `kwargs`; raises TypeError and ValueError."""
    if not isinstance(items, list):
        raise TypeError(f"{what} must be a list, not {type(items).__name__}")
    for name, values in kwargs.items():
        if len(values) != len(items):
            raise ValueError(f"{name} must have one value for each of the {len(items)} {what}, and has {len(values)}")
    return [kind(item, **{name: values[at] for name, values in kwargs.items()}) for at, item in enumerate(items)]


def _plain(value: Any) -> Any:
    """Return a parameter, or what it returns where it is a function without arguments, or else its name."""
    if not callable(value):
        return value
    if isinstance(value, type):
        return value.__name__
    try:
        result = value()
    except TypeError:  # it wants arguments
        result = value
    return getattr(result, "__name__", type(result).__name__) if callable(result) else result
