"""sys.exit with a status."""

import sys

import wandb

run = wandb.init(project="differential", id="exited")
run.log({"loss": 1}, step=5)
sys.exit(3)
