"""Predictions of a Keras model, epoch after epoch, as tables beside the data that they are of."""

from __future__ import annotations

import abc
from typing import Any

import keras

import runstore
from runstore.integrations.presence import current_run


class WandbEvalCallback(keras.callbacks.Callback, abc.ABC):  # type: ignore[misc]
    """To be subclassed: record a table of data once, and a table of predictions every epoch.

    A subclass fills `data_table` in `add_ground_truth`, and `pred_table` in `add_model_predictions`, where
    `data_table_ref` is the recorded table: pictures taken from it are kept once, whatever tables they are in.
    """

    def __init__(self, data_table_columns: list[str], pred_table_columns: list[str], *args: Any, **kwargs: Any) -> None:
        """Name the tables' columns; raises Error where there is no run."""
        super().__init__(*args, **kwargs)
        self._run = current_run("WandbEvalCallback")
        self.data_table_columns = data_table_columns
        self.pred_table_columns = pred_table_columns

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Record the table of data."""
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the table of the epoch's predictions."""
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    @abc.abstractmethod
    def add_ground_truth(self, logs: dict[str, Any] | None = None) -> None:
        """Fill `self.data_table`, row by row. Called once, when training begins."""

    @abc.abstractmethod
    def add_model_predictions(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Fill `self.pred_table` with what `self.model` predicts. Called at the end of every epoch."""

    def init_data_table(self, column_names: list[str]) -> None:
        """Begin the table of data."""
        self.data_table = runstore.Table(columns=column_names, allow_mixed_types=True)

    def init_pred_table(self, column_names: list[str]) -> None:
        """Begin a table of predictions."""
        self.pred_table = runstore.Table(columns=column_names)

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:  # noqa: A002
        """Record the table of data as an artifact that this run uses, and take it from there as `data_table_ref`."""
        artifact = runstore.Artifact(name, type=type)
        artifact.add(self.data_table, table_name)
        self._run.use_artifact(artifact)
        artifact.wait()
        self.data_table_ref = artifact.get(table_name)

    def log_pred_table(
        self,
        type: str = "evaluation",  # noqa: A002
        table_name: str = "eval_data",
        aliases: list[str] | None = None,
    ) -> None:
        """Record the table of predictions as the next version of the artifact `run_<run id>_pred`."""
        artifact = runstore.Artifact(f"run_{self._run.id}_pred", type=type)
        artifact.add(self.pred_table, table_name)
        self._run.log_artifact(artifact, aliases=aliases or ["latest"])
