"""PyTorch Lightning with its WandbLogger: hyperparameters, gradients, summaries, checkpoints, media, retrieval.

    runstore run -- python examples/train_lightning.py

Nothing in it knows of runstore: it is what Lightning's guide to Weights & Biases shows.
"""

from __future__ import annotations

import os
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
import wandb
from compared import note
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.functional import accuracy

CLASSES = 3
EPOCHS = 3


class Classifier(pl.LightningModule):
    """A small network for small pictures."""

    def __init__(self, hidden: int = 16, lr: float = 0.02) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, CLASSES)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.net(x)
        return logits

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train/loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> torch.Tensor:
        x, y = batch
        logits = self(x)
        self.log("val/loss", F.cross_entropy(logits, y))
        self.log("val/accuracy", accuracy(logits, y, task="multiclass", num_classes=CLASSES))
        return logits

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


class LogPredictions(Callback):
    """Logs pictures and a table of what the network thinks of them, once an epoch."""

    def __init__(self, logger: WandbLogger, samples: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.logger, (self.images, self.labels) = logger, samples
        self.pictures = list((self.images * 255).byte())

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        predicted = module(self.images).argmax(1)
        captions = [f"truth {y} - prediction {p}" for y, p in zip(self.labels, predicted)]
        self.logger.log_image(key="sample_images", images=self.pictures, caption=captions)
        rows = [[wandb.Image(x), y.item(), p.item()] for x, y, p in zip(self.pictures, self.labels, predicted)]
        self.logger.log_table(key="sample_table", columns=["image", "truth", "prediction"], data=rows)


def pictures(count: int, seed: int) -> TensorDataset:
    """Return pictures of which a third each is bright on the left, on the right, and nowhere."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.rand(count, 1, 8, 8, generator=generator) * 0.5
    images[labels == 0, :, :, :4] += 0.5
    images[labels == 1, :, :, 4:] += 0.5
    return TensorDataset(images, labels)


def main() -> None:
    """Train, then find the best checkpoint again by its name."""
    pl.seed_everything(1, verbose=False)
    train, val = DataLoader(pictures(96, 1), batch_size=16, shuffle=True), DataLoader(pictures(48, 2), batch_size=16)
    logger = WandbLogger(project="lightning", name="classifier", log_model="all")
    logger.experiment.config["data"] = "bright sides"
    logger.experiment.config.update({"batch_size": 16, "stages": {"warmup": 0}})
    wandb.define_metric("val/accuracy", summary="max")
    wandb.define_metric("val/loss", summary="min")
    checkpoints = ModelCheckpoint(monitor="val/accuracy", mode="max")
    model = Classifier()
    logger.watch(model, log="all", log_freq=5)
    images, labels = pictures(6, 3).tensors
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        logger=logger,
        callbacks=[checkpoints, LogPredictions(logger, (images, labels))],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    trainer.fit(model, train, val)
    logger.log_text(key="samples", columns=["text", "label"], data=[["cheese", "English"], ["fromage", "French"]])
    run = logger.experiment
    note(
        run=run.id,
        steps=trainer.global_step,
        best=float(checkpoints.best_model_score or 0),
        metrics={key: float(value) for key, value in trainer.callback_metrics.items()},
        best_weights=[tensor.sum().item() for tensor in torch.load(checkpoints.best_model_path)["state_dict"].values()],
    )
    if os.environ.get("EXAMPLE_RETRIEVES", "1") == "1":  # W&B's own library can't, offline
        artifact = run.use_artifact(f"{run.project}/model-{run.id}:best", type="model")
        found = Classifier.load_from_checkpoint(os.path.join(artifact.download(), "model.ckpt"))
        note(retrieved=[tensor.sum().item() for tensor in found.state_dict().values()])
    wandb.finish()


if __name__ == "__main__":
    main()
