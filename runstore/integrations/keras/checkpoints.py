"""Checkpoints of a Keras training, as versions of an artifact."""

from __future__ import annotations

import os
import string
from typing import Any

import keras

import runstore
from runstore.integrations.presence import current_run


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras's ModelCheckpoint, whose files become versions of the artifact `run_<run id>_model`.

    Each has the aliases "latest" and `epoch_<n>`, or `epoch_<n>_batch_<m>` where batches are counted.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what ModelCheckpoint takes, and as it does; raises Error where there is no run."""
        super().__init__(
            filepath=filepath,
            monitor=monitor,
            verbose=verbose,
            save_best_only=save_best_only,
            save_weights_only=save_weights_only,
            mode=mode,
            save_freq=save_freq,
            initial_value_threshold=initial_value_threshold,
            **kwargs,
        )
        self._run = current_run("WandbModelCheckpoint")
        if save_best_only and not _has_placeholder(str(self.filepath)):
            runstore.termwarn(
                "with save_best_only, a filepath with a place for the epoch, such as {epoch:02d}, tells the files of "
                "the recorded checkpoints apart",
                repeat=False,
            )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, if it is this batch's turn, and record what was saved."""
        seen = self._batches_seen_since_last_saving
        super().on_train_batch_end(batch, logs)
        if self.save_freq != "epoch" and self._batches_seen_since_last_saving <= seen:  # it was counted from 0 again
            path = self._get_file_path(self._current_epoch, batch, logs)
            self._record(path, f"epoch_{self._current_epoch}_batch_{batch}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, where epochs are counted, and record what was saved."""
        super().on_epoch_end(epoch, logs)
        if self.save_freq == "epoch":
            self._record(self._get_file_path(epoch, None, logs), f"epoch_{epoch}")

    def _record(self, path: str, alias: str) -> None:
        artifact = runstore.Artifact(f"run_{self._run.id}_model", type="model")
        if os.path.isdir(path):
            artifact.add_dir(path)
        elif os.path.isfile(path):
            artifact.add_file(path)
        else:  # it was no better than the one before, and not saved
            return
        self._run.log_artifact(artifact, aliases=["latest", alias])


def _has_placeholder(path: str) -> bool:
    return any(name is not None for _, name, _, _ in string.Formatter().parse(path))
