"""fastai with its WandbCallback on pictures: labels, masks and points, each with its predictions, and the models.

    runstore run -- python examples/train_fastai_vision.py

Nothing in it knows of runstore: it is what fastai's guide to Weights & Biases shows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import wandb
from compared import note
from fastai.callback.wandb import WandbCallback, log_dataset, log_model
from fastai.vision.all import (
    Callback,
    CrossEntropyLossFlat,
    DataBlock,
    ImageBlock,
    ImageDataLoaders,
    IndexSplitter,
    Learner,
    MSELossFlat,
    PointBlock,
    SaveModelCallback,
    SegmentationDataLoaders,
    accuracy,
    set_seed,
)
from PIL import Image
from torch import nn

SIDE = 32
COUNT = 24
EPOCHS = 2
CODES = ["dark", "bright"]
RETRIEVES = os.environ.get("EXAMPLE_RETRIEVES", "1") == "1"  # W&B's own library can't, offline


class Seen(Callback):
    """Keeps what the callback shows: the pictures, the truth, and what the network made of them."""

    order, remove_on_fetch = 40, True  # after the predictions were fetched

    def after_validate(self) -> None:
        inputs, _, self.truths, self.guesses = self.learn.fetch_preds.preds
        self.pictures = (inputs.clamp(0, 1) * 255).long()

    def sums(self) -> dict[str, list[int]]:
        """Return the sums of points, by which pictures and masks are told apart."""
        named = {"pictures": self.pictures, "truths": self.truths, "guesses": self.guesses}
        return {name: [int(item.sum()) for item in tensor] for name, tensor in named.items()}


def draw(folder: Path) -> list[Path]:
    """Write pictures of a bright square on the left or on the right, and return them; masks lie beside them."""
    generator = np.random.default_rng(1)
    for name in ("left", "right", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(COUNT):
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
        corner = corner_of(number)
        mask[corner : corner + 12, corner : corner + 12] = 1
        points = generator.integers(0, 90, (SIDE, SIDE, 3), dtype=np.uint8)
        points[mask == 1] += 150
        Image.fromarray(points).save(folder / ("right" if corner > SIDE // 2 - 6 else "left") / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return sorted(path for side in ("left", "right") for path in (folder / side).iterdir())


def corner_of(number: int) -> int:
    """Return where the square of a picture begins."""
    return (number * 7) % (SIDE - 12)


def labels(folder: Path, files: list[Path]) -> None:
    """Tell on which side the square is. The model is saved after every epoch, the dataset logged."""
    run = wandb.init(project="fastai", name="labels", group="vision", tags=["pictures"])
    dls = ImageDataLoaders.from_path_func(
        folder, files, lambda path: path.parent.name, bs=4, valid_pct=0.25, seed=3, num_workers=0
    )
    network = (nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 2))
    watched = WandbCallback(log="gradients", log_model=True, log_dataset=folder if RETRIEVES else False, n_preds=6)
    saved = SaveModelCallback(monitor="accuracy", fname="side", every_epoch=True)
    learn = Learner(
        dls, nn.Sequential(*network), loss_func=CrossEntropyLossFlat(), metrics=accuracy, cbs=[Seen(), saved, watched]
    )
    learn.fit(EPOCHS, 0.01)
    describe(run, learn, vocabulary=list(dls.vocab), **learn.seen.sums())
    if RETRIEVES:
        found = run.use_artifact(f"{folder.name}:latest").download()
        note(dataset=sorted(str(path.relative_to(found)) for path in Path(found).rglob("*.png")))
    wandb.finish()


def masks(folder: Path, files: list[Path]) -> None:
    """Tell which points are bright. The samples that are shown are chosen here."""
    WandbCallback._wandb_watch_called = False  # fastai watches one model of a process
    run = wandb.init(project="fastai", name="masks", group="vision")
    dls = SegmentationDataLoaders.from_label_func(
        folder,
        files,
        lambda path: folder / "masks" / path.name,
        codes=CODES,
        bs=4,
        valid_pct=0.25,
        seed=3,
        num_workers=0,
    )
    chosen = dls.test_dl(files[:3], with_labels=True)
    watched = WandbCallback(log="parameters", valid_dl=chosen, log_model=True, model_name="mask-model", n_preds=3)
    learn = Learner(dls, nn.Conv2d(3, 2, 3, padding=1), loss_func=CrossEntropyLossFlat(axis=1), cbs=[Seen(), watched])
    learn.fit(EPOCHS, 0.05)
    describe(run, learn, **learn.seen.sums())
    wandb.finish()


def points(folder: Path, files: list[Path]) -> None:
    """Tell where the square begins. Dataset and model are logged by hand."""
    run = wandb.init(project="fastai", name="points", group="vision")
    block = DataBlock(
        (ImageBlock, PointBlock),
        get_y=lambda path: torch.tensor([[corner_of(int(path.stem))] * 2], dtype=torch.float32),
        splitter=IndexSplitter(range(6)),
    )
    dls = block.dataloaders(files, path=folder, bs=4, num_workers=0)
    model = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(192, 2))
    learn = Learner(dls, model, loss_func=MSELossFlat(), cbs=WandbCallback(log_preds=True, n_preds=2))
    learn.fit(EPOCHS, 0.01)
    log_model(learn.save("corner"), metadata={"loss": "mse"}, description="where the square begins")
    if RETRIEVES:
        log_dataset(folder, name="squares-with-corners", metadata={"side": SIDE}, description="squares")
    describe(run, learn)
    wandb.finish()


def describe(run: Any, learn: Any, **more: Any) -> None:
    """Note what was computed."""
    final = zip(learn.recorder.metric_names[2:-1], learn.recorder.values[-1][1:], strict=True)
    note(
        run=run.id,
        name=run.name,
        steps=EPOCHS * len(learn.dls.train),
        metrics={name: float(value) for name, value in final} | {"epoch": EPOCHS},
        **more,
    )


def main() -> None:
    """Train three networks, a run each."""
    folder = Path("squares")
    set_seed(1, reproducible=True)
    files = draw(folder)
    labels(folder, files)
    masks(folder, files)
    points(folder, files)


if __name__ == "__main__":
    main()
