"""Keras 3 with W&B's callbacks: metrics, checkpoints, and tables of predictions.

    KERAS_BACKEND=torch runstore run -- python examples/train_keras.py

Nothing in it knows of runstore: it is what Weights & Biases shows for Keras.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import wandb
from compared import note
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint

CLASSES = 3
EPOCHS = 3


class LogPredictions(WandbEvalCallback):
    """Keeps the pictures once, and what the network thinks of them every epoch."""

    def __init__(self, data: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(["idx", "image", "label"], ["epoch", "idx", "image", "label", "pred"])
        self.x, self.y = data

    def add_ground_truth(self, logs: dict[str, float] | None = None) -> None:
        for index, (image, label) in enumerate(zip(self.x, self.y)):
            self.data_table.add_data(index, wandb.Image(image), int(label))

    def add_model_predictions(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        predicted = np.argmax(self.model.predict(self.x, verbose=0), axis=-1)
        note(predicted=predicted.tolist(), epoch=epoch)
        table = self.data_table_ref
        for index in table.get_index():
            self.pred_table.add_data(epoch, *table.data[index], int(predicted[index]))


class Remember(keras.callbacks.Callback):
    """Notes what `fit` computed, and the checkpoint files as they are at the end of each epoch."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder, self.files = folder, {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        path = os.path.join(self.folder, f"model-{epoch + 1:02d}.keras")
        with open(path, "rb") as file:
            self.files[epoch] = hashlib.md5(file.read()).hexdigest()


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures of which a third each is bright on the left, on the right, and nowhere."""
    source = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = source.random((count, 8, 8, 1), dtype=np.float32) * 0.5
    images[labels == 0, :, :4] += 0.5
    images[labels == 1, :, 4:] += 0.5
    return images, labels


def main() -> None:
    """Train by epochs with checkpoints and tables, then by batches."""
    keras.utils.set_random_seed(0)
    run = wandb.init(project="keras", name="classifier", config={"epochs": EPOCHS, "lr": 0.01})
    decay = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=6, decay_rate=0.5)
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(CLASSES, "softmax")]
    )
    model.compile(keras.optimizers.Adam(decay), "sparse_categorical_crossentropy", metrics=["accuracy"])
    train, val = pictures(96, 1), pictures(48, 2)
    os.makedirs("models", exist_ok=True)
    remember = Remember("models")
    callbacks = [WandbMetricsLogger(), WandbModelCheckpoint("models/model-{epoch:02d}.keras")]
    if os.environ.get("EXAMPLE_RETRIEVES", "1") == "1":  # W&B's own library can't refer to a dataset, offline
        callbacks.append(LogPredictions(pictures(6, 3)))
    history = model.fit(
        *train, batch_size=16, epochs=EPOCHS, validation_data=val, verbose=0, callbacks=[*callbacks, remember]
    )
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    note(run=run.id, history=history.history, rate=rate, files=remember.files)
    wandb.finish()

    run = wandb.init(project="keras", name="batches")
    history = model.fit(*train, batch_size=16, epochs=2, verbose=0, callbacks=[WandbMetricsLogger(log_freq=2)])
    note(batches=history.history, batch_rate=float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
    wandb.finish()


if __name__ == "__main__":
    main()
