"""PyTorch Lightning with its WandbLogger on two processes, which are one run: the logger of rank 0 alone has it.

    runstore run -- python examples/train_lightning_ranks.py ddp       # Lightning starts the program once more
    runstore run -- python examples/train_lightning_ranks.py ddp_spawn # processes that are begun anew
    runstore run -- python examples/train_lightning_ranks.py ddp_fork  # processes that are forked, as in notebooks

Nothing in it knows of runstore: it is what Lightning's guides to Weights & Biases and to several devices show.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
import wandb
from compared import note
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset

BATCH = 8
EPOCHS = 2
RETRIEVES = os.environ.get("EXAMPLE_RETRIEVES", "1") == "1"  # W&B's own library can't, offline


class Line(pl.LightningModule):
    """Learns how far points are above a line."""

    def __init__(self, lr: float = 0.05) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(2, 1)

    def loss_of(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return F.mse_loss(self.net(x), y)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = self.loss_of(batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val/loss", self.loss_of(batch), sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


class Noted(Callback):
    """Notes what each process logged, step by step; the second one may die on the way, like its machine."""

    def __init__(self, dies: bool) -> None:
        self.dies = dies

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, index: int) -> None:
        if trainer.global_step and trainer.global_rank == 0:
            note(step=trainer.global_step - 1, loss=trainer.logged_metrics["train/loss"].item())
        if self.dies and trainer.global_rank == 1 and trainer.global_step == 6:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_fit_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        has_run = hasattr(module.logger.experiment, "id") and wandb.run is not None
        metrics = {key: value.item() for key, value in trainer.callback_metrics.items()}
        note(rank=trainer.global_rank, has_run=has_run, steps=trainer.global_step, metrics=metrics)


def points(count: int) -> DataLoader[Any]:
    """Return points in a plane, and how far above a line they are."""
    x = torch.randn(count, 2, generator=torch.Generator().manual_seed(1))
    return DataLoader(TensorDataset(x, x @ torch.tensor([[2.0], [-1.0]]) + 0.5), batch_size=BATCH)


def train(strategy: str, dies: bool) -> None:
    """Train on two processes, and say so in the run from the first one."""
    pl.seed_everything(1, verbose=False)
    logger = WandbLogger(project="ranks", name=strategy, log_model="all", config={"data": "a plane"})
    logger.log_hyperparams({"batch_size": BATCH})  # begins the run, so that all that are forked from here on are in it
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        strategy=strategy,
        devices=2,
        accelerator="cpu",
        logger=logger,
        callbacks=[Noted(dies), ModelCheckpoint(monitor="val/loss")],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Line(), points(64), points(32))
    if trainer.is_global_zero:
        finish(logger, trainer)


def finish(logger: WandbLogger, trainer: pl.Trainer) -> None:
    """Go on in the run, after the processes that trained have ended."""
    run = logger.experiment
    logger.log_metrics({"test/loss": 0.25}, step=trainer.global_step)
    run.summary["verdict"] = "good"
    state = torch.load(trainer.checkpoint_callback.best_model_path)["state_dict"]
    note(strategy=run.name, run=run.id, weights=[tensor.sum().item() for tensor in state.values()])
    if RETRIEVES:
        folder = run.use_artifact(f"{run.project}/model-{run.id}:best", type="model").download()
        found = Line.load_from_checkpoint(Path(folder) / "model.ckpt")
        note(retrieved=[tensor.sum().item() for tensor in found.state_dict().values()])
    wandb.finish()


def main() -> None:
    """Train in each of the ways that are asked for, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("strategies", nargs="+", choices=("ddp", "ddp_spawn", "ddp_fork"))
    parser.add_argument("--dies", action="store_true", help="let the second process be killed on the way")
    options = parser.parse_args()
    for strategy in options.strategies:
        train(strategy, options.dies)


if __name__ == "__main__":
    main()
