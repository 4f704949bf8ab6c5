"""Indexers that are killed a hundred times at random, while logs are caught up with and others grow."""

from __future__ import annotations

import itertools
import math
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from runstore.index import indexer as indexer_module
from runstore.index import live as live_module
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.runlog.writer import LogWriter
from tests.index.dump import dump
from tests.index.writing import header, log_path, mixed_bodies, run, write_log
from tests.timing import PATIENCE_SECONDS

KILLS = 100
AT_ONCE = 3  # on one machine many commands may catch up beside the daemon


def forked(work: Callable[[], object]) -> int:
    """Do something in a child until it is killed; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(2)
    return child


def killed(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status == signal.SIGKILL  # it was at work until then


def append_for_ever(folder: Path) -> None:
    """Write two logs, a few records at a time."""
    writers = []
    for number in range(2):
        writer = LogWriter.create(log_path(folder, f"live{number}", f"live{number}"), math.inf)
        for body in (header(started=1100.0 + number), run(f"live{number}")):
            writer.append(body)
        writers.append(writer)
    for bodies in itertools.islice(_endless(), 1_000_000):
        for writer, body in zip(writers, bodies, strict=True):
            writer.append(body)
        time.sleep(0.0002)


def _endless() -> itertools.chain[tuple[bytes, bytes]]:
    return itertools.chain.from_iterable(
        zip(mixed_bodies(seed, 300), mixed_bodies(seed + 1, 300), strict=False) for seed in itertools.count(1, 2)
    )


def index_for_ever(index: Path, folder: Path, seed: int) -> None:
    """Do what commands and daemons do, in small pieces; some die in the middle of a statement."""
    indexer_module.PIECE_BYTES = 5_000
    live_module.WRITE_ROWS, live_module.WRITE_SECONDS = 20, 0.01
    source = random.Random(seed)
    indexer = LiveIndexer(index) if seed % 2 else Indexer(index)
    if source.random() < 0.5:
        statements = source.randrange(1, 20_000)
        indexer.connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), statements)
    while True:
        indexer.catch_up_below(folder)
        if isinstance(indexer, LiveIndexer):
            indexer.write_due()
            indexer.seal_for(0.001)
        time.sleep(0.001)


def half_done(index: Path) -> int:
    """Return of how many logs something is in the index."""
    with closing(Indexer(index)) as indexer:
        return indexer.connection.execute("SELECT count(*) FROM logs WHERE indexed > 0").fetchone()[0]  # type: ignore[no-any-return]


def test_indexers_killed_a_hundred_times_leave_what_an_undisturbed_one_makes(tmp_path: Path) -> None:
    folder, index = tmp_path / "logs", tmp_path / "i.db"
    for number in range(8):
        write_log(folder, [*mixed_bodies(number, 500)], f"{number}", f"r{number // 2}", started=1000.0 + number)
    appender = forked(lambda: append_for_ever(folder))
    source = random.Random(7)
    running: list[int] = []
    until = time.monotonic() + PATIENCE_SECONDS
    for number in itertools.count():
        # Where the machine is so busy that all were killed before they had done anything, more are.
        if number >= KILLS and (half_done(index) > 2 or time.monotonic() > until):
            break
        running.append(forked(lambda seed=number: index_for_ever(index, folder, seed)))  # type: ignore[misc]
        if len(running) == AT_ONCE:
            time.sleep(source.random() * 0.06)
            killed(running.pop(source.randrange(AT_ONCE)))
    for child in running:
        killed(child)
    killed(appender)
    assert half_done(index) > 2
    with closing(Indexer(index)) as indexer:
        assert indexer.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        indexer.catch_up_below(folder)
    with closing(Indexer(tmp_path / "undisturbed.db")) as indexer:
        indexer.catch_up_below(folder)
    assert dump(index) == dump(tmp_path / "undisturbed.db")
