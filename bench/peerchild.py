"""What is measured of other trackers, in a process that has one of them installed and nothing of ours.

Each function prints seconds as JSON, by name. A series is read by the tracker's public API where it has one for that,
else by the function that its own user interface calls.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

REPEATED = 3
BATCH = 1000  # the most metrics that mlflow takes in one call


def seconds(read: Callable[[], Any], expected: int) -> float:
    """Return the median time of some calls of `read`, which must return so many things each time."""
    durations = []
    for _ in range(REPEATED):
        before = time.perf_counter()
        found = read()
        durations.append(time.perf_counter() - before)
        if len(found) != expected:
            raise SystemExit(f"{len(found)} were read, not {expected}")
    return sorted(durations)[REPEATED // 2]


def report(**figures: float) -> None:
    """Print what was measured."""
    print(json.dumps(figures), flush=True)


def trackio_series(steps: int) -> None:
    """Write a series with trackio, and read it as its dashboard and its command `trackio get metric` do."""
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    trackio.init(project="p", name="r", auto_log_gpu=False)
    for step in range(steps):
        trackio.log({"loss": 1 / (step + 1)}, step=step)
    trackio.finish()
    report(read=seconds(lambda: SQLiteStorage.get_metric_values("p", "r", "loss"), steps))


def mlflow_series(steps: int) -> None:
    """Write a series with mlflow into its default kind of store, and read it with MlflowClient."""
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    run = client.create_run(client.create_experiment("p")).info.run_id
    for first in range(0, steps, BATCH):
        batch = range(first, min(first + BATCH, steps))
        client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1), step, step) for step in batch])
    report(read=seconds(lambda: client.get_metric_history(run, "loss"), steps))


def tensorboard_series(steps: int) -> None:
    """Write a series with tensorboardX, and read it as TensorBoard does when it is started."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboardX import SummaryWriter

    writer = SummaryWriter("logs")
    for step in range(steps):
        writer.add_scalar("loss", 1 / (step + 1), step)
    writer.close()

    def read() -> Any:
        events = EventAccumulator("logs", size_guidance={"scalars": 0})
        events.Reload()
        return events.Scalars("loss")

    report(read=seconds(read, steps))


def mlflow_runs(runs: int) -> None:
    """Make runs with a parameter and a metric in mlflow; list all of them, and those that fulfil a filter."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    experiment = client.create_experiment("runs")
    for number in range(runs):
        run = client.create_run(experiment).info.run_id
        params = [Param("optimizer", ("adam", "sgd")[number % 2]), Param("lr", str(number))]
        client.log_batch(run, [Metric("loss", number / runs, 0, 0)], params, [RunTag("kind", "baseline")])

    def every(text: str) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = client.search_runs([experiment], text, max_results=BATCH, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    text = "params.optimizer = 'adam' and metrics.loss < 0.5"
    report(list=seconds(lambda: every(""), runs), filter=seconds(lambda: every(text), (runs + 3) // 4))
