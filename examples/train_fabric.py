"""Lightning Fabric with W&B's logger: a loop of one's own, its metrics, hyperparameters, pictures and checkpoint.

    runstore run -- python examples/train_fabric.py

Nothing in it knows of runstore: it is what Weights & Biases shows for Fabric.
"""

from __future__ import annotations

import torch
import wandb
from compared import note
from lightning_fabric import Fabric
from torch import nn
from wandb.integration.lightning.fabric import WandbLogger

STEPS = 30


def main() -> None:
    """Fit a line."""
    logger = WandbLogger(project="fabric", name="line", log_model=True)
    fabric = Fabric(accelerator="cpu", devices=1, loggers=logger)
    fabric.launch()
    fabric.seed_everything(0)
    logger.log_hyperparams({"lr": 0.1, "activation": nn.ReLU, "layers": [1, 1]})
    model = nn.Linear(1, 1)
    model, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=0.1))
    logger.watch(model, log="all", log_freq=10)
    x = torch.linspace(-1, 1, 32)[:, None]
    y = 3 * x + 1
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        fabric.backward(loss)
        optimizer.step()
        fabric.log("loss", loss, step=step)
        fabric.log_dict({"weight": model.weight.item(), "bias": model.bias.item()}, step=step)
    pictures = [torch.full((3, 4, 4), value, dtype=torch.uint8) for value in (0, 255)]
    logger.log_image("pictures", pictures, step=STEPS, caption=["dark", "bright"])
    logger.log_text("words", columns=["a", "b"], data=[["x", "y"]], step=STEPS)
    run = logger.experiment
    fabric.save("line.ckpt", {"model": model})
    artifact = wandb.Artifact(f"model-{run.id}", type="model")
    artifact.add_file("line.ckpt", name="model.ckpt")
    run.log_artifact(artifact, aliases=["latest", "best"])
    found = WandbLogger.download_artifact(f"{run.project}/model-{run.id}:best", save_dir="found")
    weights = torch.load(f"{found}/model.ckpt")["model"]
    note(
        run=run.id,
        loss=loss.item(),
        weight=model.weight.item(),
        bias=model.bias.item(),
        found={key: tensor.item() for key, tensor in weights.items()},
    )
    logger.finalize("success")
    wandb.finish()


if __name__ == "__main__":
    main()
