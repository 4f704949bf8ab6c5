"""MosaicML Composer with its WandBLogger: config, metrics, tables, pictures with masks, checkpoints, and a resume.

    runstore run -- python examples/train_composer.py
    runstore run -- composer -n 2 examples/train_composer.py every-rank

Nothing in it knows of runstore: it is what Composer's guide to Weights & Biases shows.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
import wandb
from compared import note
from composer import Callback, Logger, State, Trainer
from composer.loggers import InMemoryLogger, WandBLogger
from composer.models import ComposerClassifier
from composer.utils import dist
from torch.utils.data import DataLoader, TensorDataset

CLASSES = 3
BATCH = 16
SEEN = 4
ENTITY = "examples"  # WandBLogger downloads for somebody whom it can name


class LogPredictions(Callback):
    """Logs what the network thinks of the first pictures, and where they are bright, after the last epoch."""

    def __init__(self, samples: int = SEEN) -> None:
        super().__init__()
        self.samples = samples
        self.rows: list[list[Any]] = []

    def eval_batch_end(self, state: State, logger: Logger) -> None:
        if state.timestamp.epoch != state.max_duration or self.rows:
            return
        images, labels = (part[: self.samples] for part in state.batch)
        images = (images * 255).byte()
        predicted = state.outputs.argmax(-1)
        self.rows = [
            [wandb.Image(image), truth.item(), guess.item()] for image, truth, guess in zip(images, labels, predicted)
        ]
        masks, names = {"bright": (images > 127).long()}, {0: "dark", 1: "bright"}
        logger.log_images(images, name="pictures", use_table=False)
        logger.log_images(images, name="bright", masks=masks, mask_class_labels=names, use_table=False)
        logger.log_images(images, name="bright", masks=masks, mask_class_labels=names)
        note(
            shown_by=dist.get_global_rank(),
            pictures=[image.sum().item() for image in images],
            masks=masks["bright"].sum((1, 2, 3)).tolist(),
            guesses=[row[1:] for row in self.rows],
        )

    def eval_end(self, state: State, logger: Logger) -> None:
        if not self.rows:
            return
        logger.log_table(["truth", "prediction"], [row[1:] for row in self.rows], name="guesses")
        if wandb.run is not None:  # of several processes, only those that log have one
            table = wandb.Table(columns=["image", "ground truth", "prediction"], data=self.rows)
            wandb.log({"sample_table": table}, step=int(state.timestamp.batch))


def pictures(count: int, seed: int) -> TensorDataset:
    """Return pictures of which a third each is bright on the left, on the right, and nowhere."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.rand(count, 1, 8, 8, generator=generator) * 0.5
    images[labels == 0, :, :, :4] += 0.5
    images[labels == 1, :, :, 4:] += 0.5
    return TensorDataset(images, labels)


def loader(count: int, seed: int) -> DataLoader[Any]:
    """Return batches of pictures; of several processes each has its part."""
    data = pictures(count, seed)
    return DataLoader(data, batch_size=BATCH, sampler=dist.get_sampler(data))


def trainer_of(wandb_logger: WandBLogger, kept: InMemoryLogger, epochs: int, **more: Any) -> Trainer:
    """Return the trainer of a small network for small pictures, which saves a checkpoint after every epoch."""
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, CLASSES)
    )
    model = ComposerClassifier(net, num_classes=CLASSES, loss_fn=F.cross_entropy)
    return Trainer(
        model=model,
        train_dataloader=loader(96, 1),
        eval_dataloader=loader(48, 2),
        optimizers=torch.optim.Adam(model.parameters(), lr=0.02),
        max_duration=f"{epochs}ep",
        loggers=[wandb_logger, kept],
        callbacks=[LogPredictions()],
        run_name="pictures",
        save_folder="checkpoints",
        save_filename="ep{epoch}-ba{batch}-rank{rank}.pt",
        save_overwrite=True,
        device="cpu",
        seed=17,
        progress_bar=False,
        **more,
    )


def train(rank_zero_only: bool) -> None:
    """Train two epochs."""
    wandb_logger = WandBLogger(
        project="composer",
        entity=ENTITY,
        name="pictures",
        tags=["example"],
        log_artifacts=True,
        rank_zero_only=rank_zero_only,
        init_kwargs={"notes": "bright sides", "config": {"batch_size": BATCH, "model": {"hidden": 16}}},
    )
    kept = InMemoryLogger()
    trainer = trainer_of(wandb_logger, kept, epochs=2)
    trainer.logger.log_hyperparameters({"lr": 0.02})
    trainer.fit()
    describe(trainer, kept)
    trainer.close()


def resume() -> None:
    """Go on for an epoch from the checkpoint that was logged, since there is no other any more."""
    shutil.rmtree("checkpoints")
    wandb_logger = WandBLogger(project="composer", entity=ENTITY, name="resumed", log_artifacts=True)
    kept = InMemoryLogger()
    trainer = trainer_of(
        wandb_logger, kept, epochs=3, load_path="checkpoints/latest-rank0.pt", load_object_store=wandb_logger
    )
    note(begun=int(trainer.state.timestamp.batch), loaded=weights_of(trainer))
    trainer.fit()
    wandb_logger.download_file("checkpoints/ep1-ba6-rank0.pt", "downloaded.pt")
    note(downloaded=md5_of(Path("downloaded.pt")))
    describe(trainer, kept)
    trainer.close()


def describe(trainer: Trainer, kept: InMemoryLogger) -> None:
    """Note what was logged, as Composer itself keeps it, and the checkpoints that were saved."""
    note(
        rank=dist.get_global_rank(),
        run=wandb.run.id if wandb.run is not None else None,
        steps=int(trainer.state.timestamp.batch),
        metrics={key: float(values[-1][1]) for key, values in kept.data.items() if is_number(values[-1][1])},
        hyperparameters=kept.hyperparameters,
        weights=weights_of(trainer),
        checkpoints={path.name: md5_of(path) for path in Path("checkpoints").glob("ep*.pt")},
    )


def is_number(value: object) -> bool:
    """Return whether it is a number, of Python's or of a tensor without dimensions."""
    return isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.ndim == 0)


def weights_of(trainer: Trainer) -> float:
    """Return the sum of all weights of the network."""
    return sum(tensor.double().sum().item() for tensor in trainer.state.model.parameters())


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, in base64, as W&B gives it of an artifact's files."""
    return base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()


def main() -> None:
    """Train as each argument says, "rank-zero" (the default) or "every-rank", and then resume where that can be."""
    for who in sys.argv[1:] or ["rank-zero"]:
        train(rank_zero_only=who == "rank-zero")
    if os.environ.get("EXAMPLE_RETRIEVES", "1") == "1" and dist.get_world_size() == 1:  # W&B's own can't, offline
        resume()


if __name__ == "__main__":
    main()
