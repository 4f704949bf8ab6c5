"""Plain PyTorch, with DistributedDataParallel: the three ways to track what several processes do together.

    runstore run -- torchrun --nproc_per_node 2 examples/train_ddp.py --track rank0     # one run: that of rank 0
    runstore run -- torchrun --nproc_per_node 2 examples/train_ddp.py --track group     # one run for each rank
    runstore run -- torchrun --nproc_per_node 2 examples/train_ddp.py --track together  # one run, of all ranks

Nothing in it knows of runstore: it is what Weights & Biases' guide to distributed training shows.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
from typing import Any

import torch
import torch.distributed as dist
import wandb
from compared import note
from torch.nn.parallel import DistributedDataParallel

STEPS = 20
CONFIG = {"lr": 0.05, "batch_size": 32, "hidden": 8}


def begun(track: str, rank: int) -> Any:
    """Return the run that this rank logs to; None where it logs nothing."""
    if track == "rank0":
        return wandb.init(project="ddp", name="rank 0 alone", config=CONFIG) if rank == 0 else None
    if track == "group":
        return wandb.init(project="ddp", group="everyone", job_type="train", name=f"rank {rank}", config=CONFIG)
    ids = [None]
    if rank == 0:
        settings = wandb.Settings(mode="shared", x_primary=True, x_label="rank_0")
        run = wandb.init(project="ddp", name="together", config=CONFIG, settings=settings)
        ids = [run.id]
    dist.broadcast_object_list(ids, src=0)
    if rank > 0:
        settings = wandb.Settings(mode="shared", x_primary=False, x_update_finish_state=False, x_label=f"rank_{rank}")
        run = wandb.init(project="ddp", id=ids[0], settings=settings)
    return run


def shard(rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return this rank's part of the data: points in a plane, and how far above a line they are."""
    generator = torch.Generator().manual_seed(rank)
    x = torch.randn(256, 2, generator=generator)
    return x, x @ torch.tensor([[2.0], [-1.0]]) + 0.5


def trained(run: Any, prefix: str, rank: int, dies: int | None) -> DistributedDataParallel:
    """Train, logging the loss of this rank at each step; the rank that `dies` does so half-way, like its machine."""
    model = DistributedDataParallel(
        torch.nn.Sequential(torch.nn.Linear(2, CONFIG["hidden"]), torch.nn.Tanh(), torch.nn.Linear(CONFIG["hidden"], 1))
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG["lr"])
    x, y = shard(rank)
    loss = torch.zeros(())
    for step in range(STEPS):
        if rank == dies and step == STEPS // 2:
            note(rank=rank, run=run.id if run else None, steps=step, loss=loss.item())
            os.kill(os.getpid(), signal.SIGKILL)
        rows = torch.arange(step * CONFIG["batch_size"], (step + 1) * CONFIG["batch_size"]) % len(x)
        loss = torch.nn.functional.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if run is not None:
            run.log({f"{prefix}loss": loss.item(), f"{prefix}epoch": int(rows[0]) // len(x)})
    note(rank=rank, run=run.id if run else None, steps=STEPS, loss=loss.item())
    return model


def save_together(run: Any, rank: int) -> None:
    """Make one artifact of what all ranks have: each adds its part, and the last word is rank 0's."""
    part = wandb.Artifact("shards", type="dataset")
    with part.new_file(f"rank{rank}.txt") as file:
        file.write(f"what rank {rank} trained with: {shard(rank)[0].sum().item()!r}")
    if rank > 0:
        run.upsert_artifact(part, distributed_id=run.group or run.id)
    dist.barrier()
    if rank == 0:
        run.finish_artifact(part, distributed_id=run.group or run.id)


def save_model(run: Any, model: DistributedDataParallel) -> None:
    """Log the weights, which are the same on every rank, from one of them."""
    torch.save(model.module.state_dict(), "model.pt")
    artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata=CONFIG)
    artifact.add_file("model.pt")
    run.log_artifact(artifact, aliases=["latest", "best"])
    note(model=f"model-{run.id}", weights=[tensor.sum().item() for tensor in model.module.state_dict().values()])


def main() -> None:
    """Train on all ranks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--track", choices=("rank0", "group", "together"), default="rank0")
    parser.add_argument("--dies", type=int, metavar="RANK", help="let this rank be killed half-way")
    options = parser.parse_args()
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    # Equal on all ranks, so that they begin with equal weights.
    random.seed(1)
    torch.manual_seed(1)
    dist.barrier()
    run = begun(options.track, rank)
    model = trained(run, f"rank_{rank}/" if options.track == "together" else "", rank, options.dies)
    if options.track != "rank0":
        save_together(run, rank)
    if rank == 0:
        save_model(run, model)
    if run is not None:
        run.finish()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
