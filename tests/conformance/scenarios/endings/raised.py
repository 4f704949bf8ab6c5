"""An exception that nobody catches."""

import wandb

run = wandb.init(project="differential", id="raised")
run.log({"loss": 1})
print("before it")


def _broken() -> None:
    raise ValueError("it broke: ü")


_broken()
