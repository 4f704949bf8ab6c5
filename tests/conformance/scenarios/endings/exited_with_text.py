"""sys.exit with a text."""

import sys

import wandb

run = wandb.init(project="differential", id="exited_with_text")
sys.exit("a reason")
