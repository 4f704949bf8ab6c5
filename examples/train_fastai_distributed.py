"""fastai on several processes with its WandbCallback: a run for each process, or one for the first.

    runstore run -- torchrun --nproc_per_node 2 examples/train_fastai_distributed.py every-rank
    runstore run -- torchrun --nproc_per_node 2 examples/train_fastai_distributed.py rank-zero
    runstore run -- python examples/train_fastai_distributed.py every-rank notebook

Nothing in it knows of runstore: it is what fastai's guide to Weights & Biases shows, with processors for GPUs.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import numpy as np
import torch
import wandb
from accelerate import notebook_launcher
from compared import note
from fastai.callback.wandb import WandbCallback
from fastai.data.all import DataLoaders
from fastai.distributed import DistributedDL
from fastai.learner import Learner
from fastai.losses import MSELossFlat
from fastai.torch_core import rank_distrib, set_seed
from torch.utils.data import TensorDataset

EPOCHS = 2


def use_processors() -> None:
    """Let fastai, which takes every distributed training for one on GPUs, train without them."""
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")

    def broadcast(self: DistributedDL, indices: list[int], rank: int) -> Any:
        tensor = torch.tensor(indices)
        torch.distributed.broadcast(tensor, rank)
        return tensor.tolist()

    DistributedDL._broadcast = broadcast


def numbers(count: int, seed: int) -> TensorDataset:
    """Return points on a line, with some noise."""
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 1)).astype(np.float32))
    return TensorDataset(x, 3 * x + 1)


def train(who: str) -> None:
    """Train two epochs. On "every-rank" a run is made by each process, in one group; else by the first."""
    use_processors()
    set_seed(1)
    dls = DataLoaders.from_dsets(numbers(64, 1), numbers(32, 2), bs=8, num_workers=0, device="cpu")
    callbacks = []
    if who == "every-rank":
        wandb.init(project="fastai_ddp", group="both")
        callbacks = [WandbCallback(log_preds=False)]
    elif rank_distrib() == 0:
        wandb.init(project="fastai_ddp")
        callbacks = [WandbCallback(log_preds=False)]
    learn = Learner(dls, torch.nn.Linear(1, 1), loss_func=MSELossFlat(), lr=0.1, cbs=callbacks)
    with learn.distrib_ctx(sync_bn=False, cpu=True):
        learn.fit(EPOCHS)
    run = wandb.run
    loss = float(learn.recorder.values[-1][1]) if rank_distrib() == 0 else None
    note(who=who, rank=rank_distrib(), run=run.id if run is not None else None, valid_loss=loss)


def free_port() -> str:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def main(ways: list[str]) -> None:
    """Train in each of the ways, one after the other."""
    for number, who in enumerate(ways):
        if number:
            wandb.finish()
        train(who)


if __name__ == "__main__":
    if "notebook" in sys.argv:
        notebook_launcher(train, args=(sys.argv[1],), num_processes=2, use_port=free_port())
    else:
        main(sys.argv[1:])
