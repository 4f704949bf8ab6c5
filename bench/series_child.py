"""What bench/series.py measures, each call in a process of its own; prints its figures as JSON."""

from __future__ import annotations

import json
import math
import resource
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

CHUNKS_AT_ONCE = 256  # of 4,096 points: what is in memory while a long series is made
BUCKETS = 1000


def random_walk(points: int, seed: int, number: str = "float64") -> Any:
    """Return values, each about a thousandth from the one before: of full precision, or as float32 has them."""
    import numpy as np

    walk = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.001, points)))
    return walk.astype(number).astype("float64")


class Filled(NamedTuple):
    """An indexer and the series in its index: what their writing took, and the bytes that the index had before."""

    indexer: Any
    seconds: float
    in_user_mode: float  # of these: what the system takes for its files depends on what else it keeps in memory
    empty: int


def filled(database: str, points: int, series: int = 1, number: str = "float64") -> Filled:
    """Return an indexer whose index has this many points in so many series of one run."""
    import numpy as np

    from runstore.index.chunks.tails import Tails
    from runstore.index.indexer import Indexer

    indexer = Indexer(Path(database))
    connection = indexer.connection
    log = Path(database).parent / "offline-run-20240101_000000-r1" / "run-r1.wandb"
    begun(log, "r1").close()
    indexer.catch_up(log)
    taken, user, empty = 0.0, 0.0, bytes_in_use(connection)
    for place in range(series):
        values = random_walk(points // series, place, number)
        tails = Tails(connection)
        for at in range(0, len(values), CHUNKS_AT_ONCE * 4096):
            part = values[at : at + CHUNKS_AT_ONCE * 4096]
            before, user_before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
            tails.of(f"k{place}").extend(np.arange(at, at + len(part)), part)
            connection.execute("BEGIN IMMEDIATE")
            tails.write(1)
            connection.execute("COMMIT")
            taken += time.perf_counter() - before
            user += resource.getrusage(resource.RUSAGE_SELF).ru_utime - user_before
    return Filled(indexer, taken, user, empty)


def begun(log: Path, run_id: str) -> Any:
    """Return a writer of a new log that has said which run it is."""
    from runstore.runlog import codec
    from runstore.runlog.record_pb2 import Record
    from runstore.runlog.writer import LogWriter

    log.parent.mkdir(parents=True)
    writer = LogWriter.create(log, math.inf)
    writer.append(codec.encode(Record(run={"run_id": run_id, "project": "bench"})))
    return writer


def bytes_in_use(connection: sqlite3.Connection) -> int:
    """Return the size of all pages of the database that hold something."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages, free, size = (
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def charted(database: str, points: int) -> None:
    """Time a chart of one series, live and sealed, beside numpy in memory and a table with a row for each point."""
    import numpy as np

    from runstore.query.points.charts import chart

    values = random_walk(points, 0)
    indexer, *_, empty = filled(database, points)
    connection = indexer.connection
    width = chart(connection, 1, "k0", BUCKETS).width
    starts = np.arange(0, points, width)

    def in_memory() -> None:
        for of in (np.minimum, np.maximum, np.add):
            of.reduceat(values, starts)

    rows = sqlite3.connect(database + ".rows")
    rows.execute("CREATE TABLE points (series INT, step INT, value REAL, PRIMARY KEY (series, step)) WITHOUT ROWID")
    rows.executemany("INSERT INTO points VALUES (0, ?, ?)", enumerate(values.tolist()))
    rows.commit()

    def from_rows() -> None:
        sums = f"step / {width}, min(value), max(value), avg(value), count(*)"
        rows.execute(f"SELECT {sums} FROM points WHERE series = 0 GROUP BY 1").fetchall()

    figures = {"numpy": taken(in_memory), "rows": taken(from_rows, 3)}
    figures["live"] = taken(lambda: chart(connection, 1, "k0", BUCKETS))
    figures["live_bytes"] = (bytes_in_use(connection) - empty) / points
    indexer.seal(1)
    figures["sealed"] = taken(lambda: chart(connection, 1, "k0", BUCKETS))
    figures["sealed_bytes"] = (bytes_in_use(connection) - empty) / points
    print(json.dumps(figures))


def taken(call: Callable[[], object], times: int = 15) -> float:
    """Return the median of the seconds that a call takes, after a first one."""
    call()
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - before)
    return median(seconds)


def sized(database: str, points: int) -> None:
    """Print the bytes that a point takes, sealed, of values that were float32."""
    indexer, *_, empty = filled(database, points, number="float32")
    indexer.seal(1)
    print(json.dumps({"sealed_bytes": (bytes_in_use(indexer.connection) - empty) / points}))


def scaled(database: str, points: int) -> None:
    """Time the writing and a chart of each of ten series; print them in nanoseconds a point."""
    from runstore.query.points.charts import chart

    indexer, seconds, in_user_mode, _ = filled(database, points, 10)
    before = time.perf_counter()
    for number in range(10):
        chart(indexer.connection, 1, f"k{number}", BUCKETS)
    charts = time.perf_counter() - before
    figures = {"write": seconds, "user": in_user_mode, "chart": charts}
    print(json.dumps({name: figure / points * 1e9 for name, figure in figures.items()}))


class Clock:
    """Seconds that pass when the benchmark says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def tailed(folder: str, runs: int, keys: int, seconds: int) -> None:
    """Follow runs that log once a second; print milliseconds a second and a flush, and the write amplification."""
    import random

    from runstore.index.live import LiveIndexer
    from runstore.runlog import wire

    encoder, source, clock = wire.RowEncoder(), random.Random(1), Clock()
    logs = [Path(folder, f"offline-run-20240101_000000-r{n}", f"run-r{n}.wandb") for n in range(runs)]
    writers = [begun(log, f"r{n}") for n, log in enumerate(logs)]
    indexer = LiveIndexer(Path(folder, "index.db"), clock)
    written = appended = 0
    reading, flushes = 0.0, []
    began = bytes_written()
    for second in range(seconds):
        clock.now = float(second)
        row = {f"train/metric_{key}": source.random() for key in range(keys)} | {"_step": second}
        before = bytes_written()
        for writer in writers:
            writer.append(wire.history(encoder.plain(row) or [], second))
        appended += bytes_written() - before
        start = time.perf_counter()
        for log in logs:
            indexer.catch_up(log)
        middle = time.perf_counter()
        indexer.write_due()
        reading += middle - start
        flushes.append(time.perf_counter() - middle)
    indexer.close()
    written = bytes_written() - began - appended
    figures = {"flush": sum(flushes) / seconds, "longest": max(flushes), "read": reading / seconds}
    print(json.dumps({**figures, "amplification": written / (8 * runs * keys * seconds)}))


def bytes_written() -> int:
    """Return how much this process has written to files so far."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["wchar"])
