"""A program that writes to TensorBoard, whose event files are read into the run: `sync_tensorboard`.

    runstore run -- python examples/train_tensorboard.py

Nothing in it knows of runstore: it is what Weights & Biases shows for TensorBoard.
"""

from __future__ import annotations

import io
from hashlib import sha256

import numpy as np
import torch
import wandb
from compared import note
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

STEPS = 40


def main() -> None:
    """Write scalars of two folders, then everything that TensorBoard shows into one."""
    run = wandb.init(project="tensorboard", name="curves", sync_tensorboard=True)
    train, val = SummaryWriter("curves/train"), SummaryWriter("curves/val")
    losses = [1 / (step + 1) for step in range(STEPS)]
    for step, loss in enumerate(losses):
        train.add_scalar("loss", loss, step)
        train.add_scalar("rate/lr", 0.1 * 0.9**step, step)
        if step % 10 == 9:
            val.add_scalar("loss", loss * 1.1, step)
    train.close()
    val.close()
    note(run=run.id, losses=losses, rates=[0.1 * 0.9**step for step in range(STEPS)])
    wandb.finish()

    wandb.tensorboard.unpatch()
    wandb.tensorboard.patch(root_logdir="media")
    run = wandb.init(project="tensorboard", name="media")
    writer = SummaryWriter("media")
    source = np.random.default_rng(0)
    values, picture = source.normal(size=1000), source.integers(0, 255, (3, 8, 6), dtype=np.uint8)
    writer.add_histogram("weights", values, 5, bins=10)
    writer.add_image("samples/first", picture, 5)
    writer.add_text("remark", "it *learns*", 5)
    writer.add_pr_curve("curve", torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.8, 0.6, 0.3]), 5)
    writer.add_scalar("loss", 0.25, 6, new_style=True)
    writer.close()
    wandb.log({"beside": 1.5})
    encoded = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(encoded, format="PNG")
    counts, edges = np.histogram(values, bins=10)
    note(picture=sha256(encoded.getvalue()).hexdigest(), counts=counts.tolist(), edges=edges.tolist())
    wandb.finish()


if __name__ == "__main__":
    main()
