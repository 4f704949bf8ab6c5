"""An offline run of stock wandb, as people have thousands of them."""

import math

import wandb

run = wandb.init(project="stock", id="bystock", name="made by stock wandb", config={"lr": 0.01}, tags=["old"])
for step in range(50):
    run.log({"loss": math.exp(-step / 10), "nested": {"acc": step / 50}})
run.log({"done": 1})
print("stock says hello")
run.finish()
