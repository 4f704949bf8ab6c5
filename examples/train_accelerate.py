"""Hugging Face Accelerate with `log_with="wandb"`: config, metrics, a table and pictures, from the main process.

    runstore run -- accelerate launch --multi_gpu --num_processes 2 examples/train_accelerate.py

Nothing in it knows of runstore: it is what Accelerate's guide to trackers shows. However many processes there are,
one of them has the run. It trains on processors, and yet is launched so: `--cpu` starts one process, whatever their
number, where there is no MPI.
"""

from __future__ import annotations

import numpy as np
import torch
import wandb
from accelerate import Accelerator
from accelerate.utils import set_seed
from compared import note
from torch.utils.data import DataLoader, TensorDataset

CONFIG = {"num_epochs": 2, "lr": 0.05, "batch_size": 16, "data": "a plane"}


def points(count: int) -> TensorDataset:
    """Return points in a plane, and whether each is above a line."""
    x = torch.randn(count, 2, generator=torch.Generator().manual_seed(1))
    return TensorDataset(x, (x[:, 0] > 0.5 * x[:, 1]).float())


def weights_seen(model: torch.nn.Module) -> np.ndarray:
    """Return a picture of 2 x 2 pixels, which shows the signs of the weights."""
    signs = (model.weight.detach().repeat(2, 1) > 0).numpy()
    return np.stack([signs * 255, ~signs * 255, signs * 0], axis=-1).astype(np.uint8)


def main() -> None:
    """Train on all processes."""
    accelerator = Accelerator(cpu=True, log_with="wandb")
    set_seed(1)
    accelerator.init_trackers(
        project_name="accelerate", config=CONFIG, init_kwargs={"wandb": {"name": "plane", "tags": ["guide"]}}
    )
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG["lr"])
    loader = DataLoader(points(256), batch_size=CONFIG["batch_size"])
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    step, loss = 0, torch.zeros(())
    for epoch in range(CONFIG["num_epochs"]):
        for x, y in loader:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            accelerator.log({"train/loss": loss.item(), "epoch": epoch}, step=step)
    if accelerator.is_main_process:  # elsewhere a tracker is an empty one
        log_media(accelerator, accelerator.unwrap_model(model), step)
    note(process=accelerator.process_index, steps=step, loss=loss.item())
    accelerator.end_training()


def log_media(accelerator: Accelerator, model: torch.nn.Module, step: int) -> None:
    """Log pictures and tables: by the tracker's own calls, and by the run that is behind it."""
    tracker = accelerator.get_tracker("wandb")
    picture = weights_seen(model)
    tracker.log_images({"signs": [picture]}, step=step)
    rows = [[name, tensor.sum().item()] for name, tensor in model.state_dict().items()]
    tracker.log_table("weights", columns=["name", "sum"], data=rows, step=step)
    run = accelerator.get_tracker("wandb", unwrap=True)
    run.log({"picture": wandb.Image(picture, caption="signs of the weights")}, step=step)
    run.summary["finished_at"] = step
    note(run=run.id, pixels=picture.tolist(), rows=rows)


if __name__ == "__main__":
    main()
