"""KeyboardInterrupt, as Ctrl-C raises it."""

import wandb

run = wandb.init(project="differential", id="interrupted")
run.log({"loss": 1}, commit=False)
raise KeyboardInterrupt
