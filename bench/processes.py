"""Run the parts of bench/child.py, each in a new process: with runstore, or with stock wandb in its own environment."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
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


def runstore(folder: Path, call: str, program: ModuleType = child, bare: bool = False, **environment: str) -> Outcome:
    """Run a call of bench/child.py (or of another program) with runstore, its runs below a new folder in `folder`.

    With `bare`, RUNSTORE_HOME is unset, as most have it, and Python starts without `site`, which, where runstore is
    installed to be edited, imports part of what runstore imports. Its modules are compiled once, as an installation
    compiles them, whatever this process may do.
    """
    place = Path(tempfile.mkdtemp(dir=folder))
    known = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_", "PYTHON"))}
    home = {"HOME": str(place)} if bare else {"RUNSTORE_HOME": str(place / "home")}
    ours = {**home, "WANDB_DIR": str(place), "WANDB_SILENT": "true"}
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")] if bare else [str(ROOT)])
    compiled = {"PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    settings = {**known, **ours, **compiled, **environment}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *(["-S"] if bare else []), "-c", _source(program, call)]
        return subprocess.run(command, cwd=place, env=settings, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)

    return _measured(run)


def wandb(folder: Path, call: str, program: ModuleType = child, **environment: str) -> Outcome:
    """Run a call of bench/child.py with stock wandb, offline, its runs below a new folder in `folder`."""
    place = Path(tempfile.mkdtemp(dir=folder))
    stock.install(STOCK_VERSION)
    # Stock samples nothing where the path of the temporary folder is too long for the name of a socket.
    with tempfile.TemporaryDirectory(prefix="stock-") as short:
        settings = {"WANDB_SILENT": "true", "TMPDIR": short, **environment}
        source = _source(program, call)
        return _measured(lambda: stock.run_script(STOCK_VERSION, source, place, settings, TIMEOUT_SECONDS))


def _source(program: ModuleType, call: str) -> str:
    return f"{Path(program.__file__ or '').read_text(encoding='utf-8')}\n\n{call}\n"


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
