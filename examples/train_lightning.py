"""PyTorch Lightning with its WandbLogger: hyperparameters, gradients, summaries, checkpoints, media, retrieval.

    runstore run -- python examples/train_lightning.py

Nothing in it knows of runstore: it is what Lightning's guide to Weights & Biases shows.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
import wandb
from compared import note
from PIL import Image
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.functional import accuracy

CLASSES = 3
NAMES = {0: "left", 1: "right", 2: "nowhere"}
EPOCHS = 3
BATCH = 16
RATE_HZ = 8000
RETRIEVES = os.environ.get("EXAMPLE_RETRIEVES", "1") == "1"  # W&B's own library can't, offline


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
        if self.trainer.global_step == 0:
            wandb.define_metric("val/accuracy", summary="max")
            wandb.define_metric("val/loss", summary="min")
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
        self.captions = [f"truth {y} - prediction {p}" for y, p in zip(self.labels, predicted)]
        self.logger.log_image(key="sample_images", images=self.pictures, caption=self.captions)
        rows = [[wandb.Image(x), y.item(), p.item()] for x, y, p in zip(self.pictures, self.labels, predicted)]
        self.logger.log_table(key="sample_table", columns=["image", "truth", "prediction"], data=rows)
        self.rows = [row[1:] for row in rows]


class NoteCheckpoints(Callback):
    """Knows the content of each checkpoint, also when Lightning has deleted it for a better one."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def look(self, trainer: pl.Trainer) -> None:
        for path in Path(trainer.checkpoint_callback.dirpath).glob("*.ckpt"):
            self.seen[path.name] = base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.look(trainer)

    def on_fit_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.look(trainer)


def pictures(count: int, seed: int) -> TensorDataset:
    """Return pictures of which a third each is bright on the left, on the right, and nowhere."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.rand(count, 1, 8, 8, generator=generator) * 0.5
    images[labels == 0, :, :, :4] += 0.5
    images[labels == 1, :, :, 4:] += 0.5
    return TensorDataset(images, labels)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Return batches to train with, and others to validate with."""
    return DataLoader(pictures(96, 1), batch_size=BATCH, shuffle=True), DataLoader(pictures(48, 2), batch_size=BATCH)


def trainer_of(loggers: list[Any], callbacks: list[Callback], epochs: int = EPOCHS, **more: Any) -> pl.Trainer:
    """Return a trainer that logs every step."""
    return pl.Trainer(
        max_epochs=epochs,
        logger=loggers,
        callbacks=callbacks,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **more,
    )


def log_media(logger: WandbLogger, images: torch.Tensor) -> None:
    """Log what else the logger takes: text, pictures in files and with marks on them, sound, moving pictures."""
    rows = [["cheese", "English"], ["fromage", "French"]]
    logger.log_text(key="samples", columns=["text", "label"], data=rows)
    logger.log_text(key="framed", dataframe=pd.DataFrame(rows, columns=["text", "label"]))
    Image.fromarray((images[0, 0] * 255).byte().numpy()).save("picture.png")
    logger.log_image(key="from_file", images=["picture.png"])
    bright = (images[0, 0] > 0.5).int().numpy()
    box = {"position": {"minX": 0, "maxX": 0.5, "minY": 0, "maxY": 1}, "class_id": 0}
    logger.log_image(
        key="marked",
        images=[(images[0] * 255).byte()],
        masks=[{"bright": {"mask_data": bright, "class_labels": {0: "dark", 1: "bright"}}}],
        boxes=[{"sides": {"box_data": [box], "class_labels": NAMES}}],
    )
    logger.log_audio(key="sounds", audios=[np.sin(np.arange(RATE_HZ) / 5)], sample_rate=[RATE_HZ], caption=["a tone"])
    frames = [Image.fromarray((image[0] * 255).byte().numpy()) for image in images]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    logger.log_video(key="moving", videos=["moving.gif"], format=["gif"])
    note(
        text=rows,
        brightness=[image.sum().item() for image in (images * 255).byte()],
        bright=int(bright.sum()),
        files={name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("picture.png", "moving.gif")},
    )


def sums(model: torch.nn.Module) -> list[float]:
    """Return the sum of each of a model's tensors."""
    return [tensor.sum().item() for tensor in model.state_dict().values()]


def main() -> None:
    """Train, then find the best checkpoint again by its name."""
    pl.seed_everything(1, verbose=False)
    logger, kept = WandbLogger(project="lightning", name="classifier", log_model="all"), CSVLogger("csv")
    logger.experiment.config["data"] = "bright sides"
    wandb.config.update({"batch_size": BATCH, "stages": {"warmup": 0}})
    checkpoints = ModelCheckpoint(monitor="val/accuracy", mode="max", save_top_k=2)
    images, labels = pictures(6, 3).tensors
    predictions, seen = LogPredictions(logger, (images, labels)), NoteCheckpoints()
    model = Classifier()
    logger.watch(model, log="all", log_freq=5)
    trainer = trainer_of([logger, kept], [predictions, checkpoints, seen])
    trainer.fit(model, *loaders())
    logger.experiment.unwatch(model)
    log_media(logger, images)
    run = logger.experiment
    note(
        run=run.id,
        hyperparameters=dict(model.hparams),
        parameters=[name for name, _ in model.named_parameters()],
        steps=trainer.global_step,
        metrics=kept.experiment.metrics_file_path,
        checkpoints=seen.seen,
        best=Path(checkpoints.best_model_path).name,
        score=float(checkpoints.best_model_score),
        weights=sums(Classifier.load_from_checkpoint(checkpoints.best_model_path)),
        last_weights=sums(model),
        captions=predictions.captions,
        table=predictions.rows,
    )
    if RETRIEVES:
        shutil.rmtree(checkpoints.dirpath)
        artifact = run.use_artifact(f"{run.project}/model-{run.id}:best", type="model")
        found = Classifier.load_from_checkpoint(Path(artifact.download()) / "model.ckpt")
        note(retrieved=sums(found))
    wandb.finish()


if __name__ == "__main__":
    main()
