"""System metrics, sampled often enough for a short run."""

import time

import wandb


def machine() -> None:
    wandb.init(project="differential", id="machine", settings=wandb.Settings(x_stats_sampling_interval=0.2))
    time.sleep(10)  # on a busy machine another process needs as long to sample all that it does


def not_sampled() -> None:
    wandb.init(project="differential", id="not_sampled", settings=wandb.Settings(x_disable_stats=True))
