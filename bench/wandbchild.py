"""Write the runs that are delivered to a W&B server, as a training process does: with runstore, or with stock wandb.

This file is run as a program, by itself, with a call of one of its functions behind it (see bench/child.py).
"""

from __future__ import annotations

import importlib
import random
from typing import Any


def small(library: str, runs: int) -> None:
    """Write so many runs of 100 rows of ten floats, with a config and a few lines on the console."""
    module, source = importlib.import_module(library), random.Random(1)
    for number in range(runs):
        config = {"lr": source.random(), "seed": number, "model": {"layers": 12, "width": 256, "act": "gelu"}}
        run = module.init(project="small", config=config, tags=["bench"], settings=_settings(module))
        for step in range(100):
            if step % 10 == 0:
                print(f"step {step}: loss {source.random()}")
            run.log(_row(source))
        run.finish()
    _torn_down(library)


def long(library: str, rows: int) -> None:
    """Write one run of so many rows of ten floats."""
    module, source = importlib.import_module(library), random.Random(1)
    run = module.init(project="long", config={"lr": 0.1}, settings=_settings(module))
    distinct = [_row(source) for _ in range(500)]
    for step in range(rows):
        run.log(distinct[step % len(distinct)])
    run.finish()
    _torn_down(library)


def images(library: str, count: int) -> None:
    """Write one run of so many images, 64 x 64 pixels of noise each, which are some 12 kB."""
    import numpy

    module, noise = importlib.import_module(library), numpy.random.default_rng(1)
    run = module.init(project="images", config={"lr": 0.1}, settings=_settings(module))
    for step in range(count):
        pixels = noise.integers(0, 256, (64, 64, 3)).astype(numpy.uint8)
        run.log({"sample": module.Image(pixels), "loss": 1 / (1 + step)})
    run.finish()
    _torn_down(library)


def _row(source: random.Random) -> dict[str, float]:
    return {f"metric_{n}": source.random() for n in range(10)}


def _settings(module: Any) -> Any:
    return module.Settings(console="wrap", silent=True)


def _torn_down(library: str) -> None:
    """Wait for stock's service process."""
    if library == "wandb":
        importlib.import_module(library).teardown()
