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
from collections.abc import Callable
from typing import Any

DISTINCT_ROWS = 500
WARM_UP_CALLS = 200
WARM_UP_MEDIA = 10  # images and tables take long, and few of them are logged
# Both libraries look at packages and repository beside the program when a run begins. What a call costs in a long run
# is measured after that.
SETTLING_SECONDS = 0.5
STEP_BUFFER = bytes(1 << 20)  # hashing it takes about a millisecond and lets other threads run, as a GPU's work does


def data(metrics: int) -> list[dict[str, float]]:
    """Return rows of full-precision floats, the same in every process."""
    source = random.Random(metrics)
    return [{f"metric_{n}": source.random() for n in range(metrics)} for _ in range(DISTINCT_ROWS)]


def begun(library: str, **settings: Any) -> Any:
    """Return a run of "runstore" or "wandb", each with its own defaults but for `settings`."""
    module = importlib.import_module(library)
    return module.init(project="bench", settings=module.Settings(**settings) if settings else None)


def log_calls(library: str, metrics: int, calls: int) -> None:
    """Time each call of `log`."""
    run = begun(library)
    timed(library, run, run.log, cycled(data(metrics), calls))


def log_at_once(library: str, calls: int) -> None:
    """Time each call of `log` with ten floats from the moment when `init` returns."""
    run = begun(library)
    timed(library, run, run.log, cycled(data(10), calls), settling=0.0)


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


def steps(library: str, count: int, **settings: Any) -> None:
    """Time what `log` adds to each step of a training loop that works for about a millisecond."""
    run = begun(library, **settings)
    timed(library, run, run.log, cycled(data(10), count), lambda: hashlib.sha256(STEP_BUFFER).digest())


def log_values(library: str, kind: str, calls: int) -> None:
    """Time each call of `log` with ten values of a kind."""
    rows = [converted(kind, row) for row in data(10)]
    run = begun(library)
    timed(library, run, run.log, cycled(rows, calls))


def log_and_print(library: str, calls: int) -> None:
    """Time each pair of a line printed and a row of ten floats, while the console is captured."""
    run = begun(library, console="wrap")

    def step(row: dict[str, Any]) -> None:
        print("step", row["metric_0"])
        run.log(row)

    timed(library, run, step, cycled(data(10), calls))


def log_images(library: str, calls: int) -> None:
    """Time making and logging each of so many images of 256 x 256 pixels: a gradient under a little noise."""
    import numpy

    image, noise = importlib.import_module(library).Image, numpy.random.default_rng(1)
    gradient = numpy.add.outer(numpy.arange(256), numpy.arange(256))[..., None] // numpy.array([2, 3, 4])
    pictures = [(gradient + noise.integers(0, 8, (256, 256, 3))).clip(0, 255).astype(numpy.uint8) for _ in range(20)]
    run = begun(library)
    timed(library, run, lambda row: run.log({"image": image(row["pixels"])}), cycled_media("pixels", pictures, calls))


def log_tables(library: str, calls: int) -> None:
    """Time making and logging each of so many tables of 1,000 rows: a whole number, a float and a text."""
    table, source = importlib.import_module(library).Table, random.Random(1)
    tables = [[[n, source.random(), f"example {n}"] for n in range(1000)] for _ in range(20)]
    run = begun(library)

    def step(row: dict[str, Any]) -> None:
        run.log({"table": table(columns=["id", "score", "text"], data=row["rows"])})

    timed(library, run, step, cycled_media("rows", tables, calls))


def written(metrics: int, calls: int, count: int = 1, library: str = "runstore") -> None:
    """Write some logs of so many rows; print the path of the last."""
    for _ in range(count):
        run = begun(library)
        for row in cycled(data(metrics), calls):
            run.log(row)
        run.finish()
    torn_down(library)
    # Stock's directory is the one that holds `files`.
    folder = run.sync_dir if library == "runstore" else os.path.dirname(run.dir)
    print(json.dumps(f"{folder}/run-{run.id}.wandb"))


def indexed(log: str, database: str) -> None:
    """Time the way of a log into an index, from an empty database to answers."""
    from pathlib import Path

    from runstore.index import onelog, onerun  # noqa: F401 - their import is not what is measured
    from runstore.index.indexer import Indexer

    before = time.perf_counter()
    indexer = Indexer(Path(database))
    indexer.catch_up(Path(log))
    indexer.close()
    print(json.dumps(time.perf_counter() - before))


def indexed_below(folder: str, database: str, in_parallel: bool) -> None:
    """Time the way of all logs below a folder into an index, with all processors or with one."""
    from pathlib import Path

    from runstore.index import parallel
    from runstore.index.indexer import Indexer

    if in_parallel:
        parallel.allow()
    before = time.perf_counter()
    indexer = Indexer(Path(database))
    indexer.catch_up_below(Path(folder))
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


def converted(kind: str, row: dict[str, float]) -> dict[str, Any]:
    """Return a row of floats as values of another kind."""
    if kind == "nested":
        return {"group": row}
    if kind == "strings":
        return {name: repr(value) for name, value in row.items()}
    if kind == "torch":
        import torch

        return {name: torch.tensor(value) for name, value in row.items()}
    import numpy

    return {name: getattr(numpy, kind)(value) for name, value in row.items()}


def cycled(rows: list[Any], calls: int) -> list[Any]:
    """Return rows for so many calls, and for the warming up before them."""
    return [rows[n % len(rows)] for n in range(calls + WARM_UP_CALLS)]


def cycled_media(name: str, values: list[Any], calls: int) -> list[dict[str, Any]]:
    """Return rows of one value each, for so many calls and the fewer that warm up before them."""
    return [{name: values[n % len(values)]} for n in range(calls + WARM_UP_MEDIA)]


def timed(
    library: str,
    run: Any,
    call: Callable[[Any], None],
    rows: list[Any],
    between: Callable[[], object] = bool,
    settling: float = SETTLING_SECONDS,
) -> None:
    """Time each `call` with a row, report, and end the run; what is done in `between` does not count."""
    durations = []
    clock = time.perf_counter_ns
    time.sleep(settling)
    for row in rows:
        between()
        before = clock()
        call(row)
        durations.append(clock() - before)
    report(durations[WARM_UP_CALLS if len(rows) >= WARM_UP_CALLS else WARM_UP_MEDIA :])
    run.finish()
    torn_down(library)


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
