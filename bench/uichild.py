"""The same runs for each tracker, by its own calls, in a process of its own: a loss that falls, with noise."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator


def losses(run: int, steps: int) -> Iterator[float]:
    for step in range(steps):
        yield 1 / (1 + step * 1e-3) + 0.02 * math.sin(step * 12.9898 + run) + 0.01 * run


def runstore_runs(runs: int, steps: int) -> None:
    import runstore

    for number in range(runs):
        with runstore.init(project="p", id=f"run-{number}", name=f"run-{number}") as run:
            for loss in losses(number, steps):
                run.log({"loss": loss})


def trackio_runs(runs: int, steps: int) -> None:
    import trackio

    for number in range(runs):
        trackio.init(project="p", name=f"run-{number}", auto_log_gpu=False)
        for step, loss in enumerate(losses(number, steps)):
            trackio.log({"loss": loss}, step=step)
        trackio.finish()
    print(json.dumps(runs))


def tensorboard_runs(runs: int, steps: int) -> None:
    from tensorboardX import SummaryWriter

    for number in range(runs):
        writer = SummaryWriter(f"logs/run-{number}")
        for step, loss in enumerate(losses(number, steps)):
            writer.add_scalar("loss", loss, step)
        writer.close()
    print(json.dumps(runs))
