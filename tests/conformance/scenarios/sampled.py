"""System metrics, sampled often enough for a short run."""

import time

import wandb


def machine() -> None:
    wandb.init(project="differential", id="machine", settings=wandb.Settings(x_stats_sampling_interval=0.2))
    time.sleep(2.5)


def not_sampled() -> None:
    wandb.init(project="differential", id="not_sampled", settings=wandb.Settings(x_disable_stats=True))
