"""Gradients, parameters and graphs of torch models."""

import torch
import wandb


def _model() -> torch.nn.Module:
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))


def _train(run: object, model: torch.nn.Module, steps: int = 3) -> None:
    batch = torch.arange(6.0).reshape(2, 3) / 7
    for _ in range(steps):
        model.zero_grad()
        loss = model(batch).square().mean()
        loss.backward()
        wandb.log({"loss": loss.item()})


def gradients() -> None:
    run, model = wandb.init(project="differential", id="gradients"), _model()
    run.watch(model, log_freq=1)
    _train(run, model)


def parameters() -> None:
    run, model = wandb.init(project="differential", id="parameters"), _model()
    run.watch(model, log="parameters", log_freq=2)
    _train(run, model)


def everything() -> None:
    run, model = wandb.init(project="differential", id="everything"), _model()
    run.watch(model, log="all", log_freq=1, log_graph=True)
    _train(run, model)


def two_models() -> None:
    run = wandb.init(project="differential", id="two_models")
    models = [_model(), _model()]
    wandb.watch(models, log_freq=1)
    for model in models:
        _train(run, model, 1)


def unwatched() -> None:
    run, model = wandb.init(project="differential", id="unwatched"), _model()
    run.watch(model, log_freq=1)
    _train(run, model, 1)
    wandb.unwatch(model)
    _train(run, model, 1)


def tensors() -> None:
    run = wandb.init(project="differential", id="tensors")
    run.log({"0-d": torch.tensor(2.5), "int": torch.tensor(3), "one": torch.tensor([1.5])})
    run.log({"grad": torch.ones((), requires_grad=True), "bool": torch.tensor(True)})
    run.log({"short": torch.arange(5), "2-d": torch.ones(2, 2), "half": torch.tensor(0.5, dtype=torch.float16)})
    run.log({"long": torch.arange(100.0), "histogram": wandb.Histogram(torch.arange(10.0), num_bins=4)})
    run.log({"bfloat16": torch.tensor(0.5, dtype=torch.bfloat16), "nested": {"x": torch.tensor(1.0)}})
    run.log({"nan": torch.tensor(float("nan")), "list": [torch.tensor(1.5), torch.tensor(2)]})
    run.log({"image": wandb.Image(torch.arange(24.0).reshape(3, 2, 4) / 24)})
    run.config.update({"tensor": torch.tensor(2.5), "vector": torch.arange(3), "dtype": torch.float32})
    run.summary["best"] = torch.tensor(0.25)
