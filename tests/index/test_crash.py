"""Processes that index at the same time, and processes that are killed while they do."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from runstore.index import indexer as indexer_module
from runstore.index.indexer import Indexer
from tests.index.writing import dump, indexed, mixed_bodies, write_log
from tests.timing import HANGS_SECONDS

CATCH_UP = """
import sys
from pathlib import Path
from runstore.index import indexer
indexer.PIECE_BYTES = 3000
print("ready", flush=True)
sys.stdin.read()
index = indexer.Indexer(Path(sys.argv[1]))
assert index.catch_up_below(Path(sys.argv[2])) == []
"""


def some_logs(folder: Path) -> Path:
    for n in range(4):
        write_log(folder, [*mixed_bodies(n, 400)], f"{n}", f"r{n // 2}", started=1000.0 + n)
    return folder


def test_processes_indexing_the_same_logs_at_once_index_nothing_twice(tmp_path: Path) -> None:
    logs = some_logs(tmp_path / "logs")
    command = [sys.executable, "-c", CATCH_UP, str(tmp_path / "i.db"), str(logs)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:  # all at once: they even make the database together
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        assert process.wait(HANGS_SECONDS) == 0
        assert process.stdout is not None
        process.stdout.close()
    assert dump(tmp_path / "i.db") == indexed(tmp_path / "alone.db", logs)


def index_until_killed(index: Path, logs: Path, instructions: int) -> bool:
    """Index in a child that kills itself after so many steps of SQLite's machine; return whether it was done before."""
    child = os.fork()
    if child == 0:
        try:
            indexer_module.PIECE_BYTES = 3000
            indexer = Indexer(index)
            indexer.connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), instructions)
            indexer.catch_up_below(logs)
            indexer.connection.set_progress_handler(None, 0)
        except BaseException:
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status == 0


def test_an_indexer_killed_again_and_again_indexes_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    logs = some_logs(tmp_path / "logs")
    source = random.Random(4)
    index = tmp_path / "i.db"
    killed = 0
    while killed < 25 and not index_until_killed(index, logs, source.randrange(1, 7_000)):
        killed += 1
    assert killed >= 15
    assert indexed(index, logs) == indexed(tmp_path / "undisturbed.db", logs)
