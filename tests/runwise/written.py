"""Runs to deliver, written by programs of their own, as a user's are, once for all tests that look at them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from tests.commands import Bench
from tests.conformance import stock

# Something of everything that a server is told of.
FULL = """
    import sys
    import numpy as np
    import runstore

    run = runstore.init(project="demo", id="full", name="a name", notes="a note", tags=["b", "a"], group="g",
                        job_type="train", config={"lr": 0.1, "model": {"depth": 2}, "none": None})
    run.define_metric("loss", summary="min")
    for n in range(30):
        run.log({"loss": 1 / (n + 1), "nested": {"n": n}, "dotted.name": n, "nan": float("nan")})
        print("row", n)
    for percent in range(50):
        sys.stdout.write(f"\\rprogress {percent}%")
    print()
    print("to stderr", file=sys.stderr)
    run.log({"picture": runstore.Image(np.zeros((2, 2, 3), np.uint8))})
    run.alert("first", "look at this")
    run.alert("second", "and at that", wait_duration=0)
    with open("weights.txt", "w") as file:
        file.write("1 2 3")
    artifact = runstore.Artifact("weights", "model", metadata={"layers": 2})
    artifact.add_file("weights.txt")
    run.log_artifact(artifact, aliases=["best"])
    with open(run.dir + "/notes.txt", "w") as file:
        file.write("by hand")
    run.summary["by hand"] = 7
    run.finish()
"""
FULL_ROWS = 31
FULL_ALERTS = ["first", "second"]


OF_STOCK = """
    import wandb
    with wandb.init(project="demo", id="killed", config={"lr": 0.1}) as run:
        for n in range(5):
            run.log({"n": n})
            print("line", n)
"""


def written(folder: Path, *scripts: str) -> Path:
    """Run training scripts in a folder; return the folder that the run directories are in."""
    bench = Bench(folder)
    for script in scripts:
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    return folder / "wandb"


def killed_of_stock(folder: Path) -> Path:
    """Let stock write a run whose log ends before its exit record; return the folder that its directory is in."""
    done = stock.run_script(stock.STOCK_VERSIONS[0], textwrap.dedent(OF_STOCK), folder)
    assert done.returncode == 0, done.stderr
    (log,) = folder.glob("wandb/offline-run-*/run-killed.wandb")
    log.write_bytes(log.read_bytes()[: starts(log, "exit")[0]])
    return folder / "wandb"


def starts(log: Path, kind: str) -> list[int]:
    """Return where the records of a kind begin."""
    return [framed.start for framed in LogReader(log) if _kind(framed.payload) == kind]


def _kind(payload: bytes) -> str | None:
    record = codec.decode(payload)
    return record.WhichOneof("record_type") if record else None
