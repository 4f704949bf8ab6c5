"""Run the parts of bench/child.py, each in a new process: with runstore, or with stock wandb in its own environment."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child
from tests.conformance import stock

STOCK_VERSION = "0.31.0"
TIMEOUT_SECONDS = 600.0
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What a process printed, and what it took from start to end: seconds of the clock, and of all its processors."""

    printed: Any
    wall: float
    cpu: float


def runstore(folder: Path, call: str, **environment: str) -> Outcome:
    """Run a call of bench/child.py with runstore, its runs below a new folder in `folder`."""
    place = Path(tempfile.mkdtemp(dir=folder))
    known = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_"))}
    ours = {"RUNSTORE_HOME": str(place / "home"), "WANDB_DIR": str(place), "WANDB_SILENT": "true"}
    settings = {**known, **ours, "PYTHONPATH": str(ROOT), **environment}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _source(call)]
        return subprocess.run(command, cwd=place, env=settings, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)

    return _measured(run)


def wandb(folder: Path, call: str) -> Outcome:
    """Run a call of bench/child.py with stock wandb, offline, its runs below a new folder in `folder`."""
    place = Path(tempfile.mkdtemp(dir=folder))
    stock.install(STOCK_VERSION)
    silent = {"WANDB_SILENT": "true"}
    return _measured(lambda: stock.run_script(STOCK_VERSION, _source(call), place, silent, TIMEOUT_SECONDS))


def _source(call: str) -> str:
    return f"{Path(child.__file__).read_text(encoding='utf-8')}\n\n{call}\n"


def _measured(run: Any) -> Outcome:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = run()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"a measured process failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [line for line in done.stdout.splitlines() if line.startswith(("{", '"')) or line[:1].isdigit()]
    return Outcome(json.loads(lines[-1]) if lines else None, wall, cpu)
