"""What a run records of where it ran: git, code, packages. It runs in a repository with a change."""

import wandb


def repository() -> None:
    wandb.init(project="differential", id="repository").log({"x": 1})


def with_code() -> None:
    wandb.init(project="differential", id="with_code", save_code=True).log({"x": 1})


def without_git() -> None:
    wandb.init(project="differential", id="without_git", settings=wandb.Settings(disable_git=True))


def without_code() -> None:
    wandb.init(project="differential", id="without_code", save_code=True, settings=wandb.Settings(disable_code=True))
