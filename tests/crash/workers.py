"""What processes do that are started by the dozen; importable, since spawned processes import what they run."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import runstore
from runstore.sdk.run import Run

PROJECT = "processes"


def log_many(rank: int, rows: int, begin_at: float = 0.0) -> str:
    """Record a run of so many rows, beginning at a moment that others begin at too; return its id."""
    random.seed(0)  # as every rank of a training does
    time.sleep(max(0.0, begin_at - time.time()))
    run = runstore.init(project=PROJECT, config={"rank": rank})
    for n in range(rows):
        run.log({"n": n, "rank": rank, "text": f"{rank}:{n}"} if n % 10 == 0 else {"n": n, "rank": rank})
    run.finish()
    return str(run.id)


def log_few(rank: int) -> str:
    """Record a short run; for pools that call this many times in a process."""
    return log_many(rank, 20)


def add_to(run: Run, worker: int, rows: int) -> None:
    """Add rows to a run that this process inherited."""
    for n in range(rows):
        run.log({f"worker{worker}": n})


def leave(run: Run, worker: int, how: str) -> None:
    """Add rows to an inherited run, and end the process in some way."""
    add_to(run, worker, 5)
    endings: dict[str, Any] = {
        "return": lambda: None,
        "exit": lambda: sys.exit(3),
        "raise": lambda: 1 / 0,
        "os._exit": lambda: os._exit(4),
        "finish": run.finish,
        "abort": lambda: os.kill(os.getpid(), 9),
    }
    endings[how]()


def main(arguments: list[str]) -> None:
    """Record a run of `rows` rows as `rank`, beginning when a file appears; print its id."""
    rank, rows, signal_file = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    print("up", flush=True)
    while not signal_file.exists():
        time.sleep(0.001)
    print(log_many(rank, rows), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
