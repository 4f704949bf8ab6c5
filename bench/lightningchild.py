"""What is measured of Lightning, in the integrations' environment: this file's text, and a call, are a program."""

from __future__ import annotations

import itertools
import json
import time
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

# The first steps load what they need, and let what init began settle.
SETTLING_STEPS = 200


class Line(pl.LightningModule):
    """A model of two parameters, which logs its loss at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        """Return the loss."""
        loss: torch.Tensor = (self.layer(batch[0]) - batch[1]).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return an optimizer."""
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Clock(pl.Callback):
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *args: Any) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())


def logger_of(kind: str) -> Any:
    """Return a logger, or False for none."""
    if kind == "none":
        return False
    if kind == "idle":
        from pytorch_lightning.loggers.logger import DummyLogger

        return DummyLogger()
    if kind == "tensorboard":
        from pytorch_lightning.loggers import TensorBoardLogger

        return TensorBoardLogger("logs")
    from pytorch_lightning.loggers import WandbLogger

    return WandbLogger(project="bench")


def train(kind: str, steps: int) -> None:
    """Print the median time of a step, in ns: the machine's other users take seconds from single steps."""
    torch.set_num_threads(1)
    x = torch.linspace(-1, 1, 4 * steps)[:, None]
    clock = Clock()
    trainer = pl.Trainer(
        max_steps=steps,
        max_epochs=1,
        logger=logger_of(kind),
        callbacks=[clock],
        log_every_n_steps=1,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Line(), DataLoader(TensorDataset(x, 3 * x + 1), batch_size=4))
    print()
    ends = clock.ends[SETTLING_STEPS:]
    print(json.dumps({"ns": median(after - before for before, after in itertools.pairwise(ends)) * 1e9}))
