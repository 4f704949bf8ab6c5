"""A training loop as people write it: it learns, logs, saves what it has learnt, and goes on where one was killed.

    python -m tests.crash.loop RUN_ID SEED ATTEMPT CALLS PAUSE_SECONDS

A byte goes to stdout behind each call that returned: `.` for log, `s` for save, `a` for log_artifact. What each call
had to say follows from seed and attempt, so that a test knows it.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SAVE_EVERY = 10
ARTIFACT_EVERY = 3 * SAVE_EVERY
PROJECT = "chaos"


def learning(seed: int, attempt: int) -> Iterator[dict[str, Any]]:
    """Yield what each step of a descent logs, without end: a line is fitted to points of this seed and attempt."""
    source = random.Random(f"{seed}:{attempt}")
    numbers = np.random.default_rng([seed, attempt])
    features = numbers.normal(size=(64, 4))
    wanted = features @ numbers.normal(size=4)
    weights = np.zeros(4)
    for n in range(10**9):
        error = features @ weights - wanted
        weights = weights - 0.01 * features.T @ error / 64
        row = {"attempt": attempt, "n": n, "loss": float(np.mean(error**2)), "net": {"first": float(weights[0])}}
        # Mostly short, at times long enough that a kill tears the record.
        yield {**row, "note": chr(source.randrange(97, 123)) * int(10 ** source.uniform(1, 5.5) * (n % 3 == 0))}


def saved_bytes(run_id: str, attempt: int, number: int) -> bytes:
    """Return what the file of the `number`-th save holds."""
    return f"{run_id} {attempt} {number}\n".encode() * 1000


def saved_name(attempt: int, number: int) -> str:
    """Return what it is called."""
    return f"weights-{attempt}-{number}.txt"


def main(run_id: str, seed: int, attempt: int, calls: int, pause_seconds: float) -> None:
    """Learn for so many steps, after those of earlier attempts."""
    import runstore

    work = Path(os.environ["WANDB_DIR"], f"work-{run_id}")
    work.mkdir(exist_ok=True)
    run = runstore.init(project=PROJECT, id=run_id, resume="allow")
    for n, row in zip(range(calls), learning(seed, attempt), strict=False):
        run.log(row)
        os.write(1, b".")
        path = work / saved_name(attempt, n)
        if n % SAVE_EVERY == 0:
            path.write_bytes(saved_bytes(run_id, attempt, n))
            run.save(path, base_path=work, policy="now")
            os.write(1, b"s")
        if n % ARTIFACT_EVERY == 0:
            artifact = runstore.Artifact(f"weights-{run_id}", "model", metadata={"attempt": attempt, "n": n})
            artifact.add_file(str(path))
            run.log_artifact(artifact)
            os.write(1, b"a")
        time.sleep(pause_seconds)
    run.finish()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
