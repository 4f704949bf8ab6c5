"""Metrics and learning rate of a Keras training."""

from __future__ import annotations

from typing import Any

import keras

import runstore
from runstore.integrations.presence import current_run


class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Record what `fit` computes, and the learning rate, once an epoch or every so many batches.

    Keys are `epoch/<name>`, drawn against `epoch/epoch`; or `batch/<name>`, drawn against `batch/batch_step`, and then
    those of epochs as well.
    """

    def __init__(self, log_freq: str | int = "epoch", initial_global_step: int = 0, *args: Any, **kwargs: Any) -> None:
        """Say how often: "epoch", "batch", or a number of batches. Raises Error where there is no run.

        `initial_global_step` counts the batches of a training that is being continued.
        """
        super().__init__(*args, **kwargs)
        run = current_run("WandbMetricsLogger")
        self.logging_batch_wise = log_freq != "epoch"
        self.log_freq: int | None = None if log_freq == "epoch" else 1 if log_freq == "batch" else int(log_freq)
        self.global_batch = 0
        self.global_step = initial_global_step
        axis, group = ("batch/batch_step", "batch/*") if self.logging_batch_wise else ("epoch/epoch", "epoch/*")
        run.define_metric(axis)
        run.define_metric(group, step_metric=axis)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch's metrics."""
        self._record("epoch", logs, "epoch", epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record a batch's metrics, if it is its turn."""
        self.global_step += 1
        if self.log_freq is not None and batch % self.log_freq == 0:
            self._record("batch", logs, "batch_step", self.global_batch)
            self.global_batch += self.log_freq

    def _record(self, group: str, logs: dict[str, Any] | None, axis: str, at: int) -> None:
        row: dict[str, Any] = {f"{group}/{name}": value for name, value in (logs or {}).items()}
        row[f"{group}/{axis}"] = at
        rate = self._learning_rate()
        if rate is not None:
            row[f"{group}/learning_rate"] = rate
        runstore.log(row)

    def _learning_rate(self) -> float | None:
        """Return the optimizer's learning rate at this step, whether it is fixed or follows a schedule."""
        optimizer = getattr(self.model, "optimizer", None)
        rate = getattr(optimizer, "learning_rate", None)
        if rate is None:
            return None
        if callable(rate) and not hasattr(rate, "shape"):
            rate = rate(self.global_step)
        return float(keras.ops.convert_to_numpy(rate))
