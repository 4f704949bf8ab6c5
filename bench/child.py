"""What is measured, each in a process of its own: the same calls with the same data, whoever takes them.

This file is run as a program, by itself, with a call of one of its functions behind it; it prints one line of JSON.
So it imports nothing of the repository, and stock wandb, in an environment of its own, can run it as well.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import time
from typing import Any

DISTINCT_ROWS = 500
WARM_UP_CALLS = 200
STEP_BUFFER = bytes(1 << 20)  # hashing it takes about a millisecond and lets other threads run, as a GPU's work does


def data(metrics: int) -> list[dict[str, float]]:
    """Return rows of full-precision floats, the same in every process."""
    source = random.Random(metrics)
    return [{f"metric_{n}": source.random() for n in range(metrics)} for _ in range(DISTINCT_ROWS)]


def begun(library: str) -> Any:
    """Return a run of "runstore" or "wandb", each with its own defaults."""
    return importlib.import_module(library).init(project="bench")


def log_calls(library: str, metrics: int, calls: int) -> None:
    """Time each call of `log`."""
    rows, run = cycled(data(metrics), calls), begun(library)
    durations = []
    clock = time.perf_counter_ns
    for row in rows:
        before = clock()
        run.log(row)
        durations.append(clock() - before)
    report(durations[WARM_UP_CALLS:])
    run.finish()
    torn_down(library)


def raw_writes(log: str, calls: int) -> None:
    """Time os.write of the records of a run log, byte by byte what runstore wrote."""
    from pathlib import Path

    from runstore.runlog.reader import LogReader

    content = Path(log).read_bytes()
    records = [content[framed.start : framed.end] for framed in LogReader(Path(log))][: calls + WARM_UP_CALLS]
    file = os.open(f"{log}.raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    durations = []
    clock = time.perf_counter_ns
    for record in records:
        before = clock()
        os.write(file, record)
        durations.append(clock() - before)
    report(durations[WARM_UP_CALLS:])


def short_run(library: str) -> None:
    """Import, init, ten rows, finish."""
    run = begun(library)
    for row in data(10)[:10]:
        run.log(row)
    run.finish()
    torn_down(library)


def steps(library: str, count: int) -> None:
    """Time what `log` adds to each step of a training loop that works for about a millisecond."""
    rows, run = cycled(data(10), count), begun(library)
    durations = []
    clock = time.perf_counter_ns
    for row in rows:
        hashlib.sha256(STEP_BUFFER).digest()
        before = clock()
        run.log(row)
        durations.append(clock() - before)
    report(durations[WARM_UP_CALLS:])
    run.finish()
    torn_down(library)


def written(metrics: int, calls: int) -> None:
    """Write a log of so many rows; print its path."""
    run = begun("runstore")
    for row in cycled(data(metrics), calls):
        run.log(row)
    run.finish()
    print(json.dumps(f"{run.sync_dir}/run-{run.id}.wandb"))


def indexed(log: str, database: str) -> None:
    """Time the way of a log into an index, from an empty database to answers."""
    from pathlib import Path

    from runstore.index.indexer import Indexer

    before = time.perf_counter()
    indexer = Indexer(Path(database))
    indexer.catch_up(Path(log))
    indexer.close()
    print(json.dumps(time.perf_counter() - before))


def naively_read(log: str) -> None:
    """Time the obvious way to have a log's values: its records through protobuf, each value through json."""
    from pathlib import Path

    from runstore.runlog.reader import LogReader
    from runstore.runlog.record_pb2 import Record

    before = time.perf_counter()
    series: dict[str, list[Any]] = {}
    for framed in LogReader(Path(log)):
        for item in Record.FromString(framed.payload).history.item:
            value = json.loads(item.value_json) if item.value_json else getattr(item, item.WhichOneof("value"))
            series.setdefault(item.nested_key[0], []).append(value)
    print(json.dumps(time.perf_counter() - before))


def cycled(rows: list[dict[str, float]], calls: int) -> list[dict[str, float]]:
    """Return rows for so many calls, and for the warming up before them."""
    return [rows[n % len(rows)] for n in range(calls + WARM_UP_CALLS)]


def report(durations: list[int]) -> None:
    """Print the median, the 99th and the 99.9th percentile, and the mean, in nanoseconds."""
    if not durations:
        return
    durations.sort()
    places = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    figures = {name: durations[int(place * (len(durations) - 1))] for name, place in places.items()}
    print(json.dumps({**figures, "mean": sum(durations) / len(durations)}), flush=True)


def torn_down(library: str) -> None:
    """Wait for stock's service process, so that its time is counted."""
    if library == "wandb":
        importlib.import_module(library).teardown()
