"""A step of Lightning's Trainer that logs one metric: without a logger, with ours, with stock's, with TensorBoard's.

The model has two parameters, so that next to nothing but Lightning's own work stands beside the logging. What a logger
costs is the time of a step with it, less that of one without. Runs in the integrations' environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from bench.processes import ROOT, STOCK_VERSION, TIMEOUT_SECONDS
from bench.rows import Bench, Row, microseconds, ratio
from runstore import shim
from tests.conformance import stock
from tests.integrations import environment

KINDS = ("none", "runstore", "wandb", "tensorboard", "idle")
_PEERS = {
    "none": "no logger",
    "wandb": "wandb offline",
    "tensorboard": "TensorBoardLogger",
    "idle": "a logger that does nothing",
}
AGAINST_WANDB = 1 / 5
_CHILD = Path(__file__).with_name("lightningchild.py")  # it imports what is not in this environment
_STEP = "Lightning, a step that logs one metric"
_ADDED = "Lightning, added to a step by its WandbLogger"


def measure(bench: Bench) -> list[Row]:
    """Return rows of whole steps, and of what the loggers add to them; or one that says how to get the environment."""
    folder = environment.built()
    if folder is None:
        return [Row(_ADDED, "left out: `make test-integrations` builds its environment", "", "")]
    steps = 1_000 if bench.quick else 2_000
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(bench.rounds):
        for kind in KINDS:
            found[kind].append(_step_ns(folder / "bin" / "python", bench.folder, kind, steps))
    whole = {kind: median(times) for kind, times in found.items()}
    rows = [_row(_STEP, whole["runstore"], name, whole[kind]) for kind, name in _PEERS.items()]
    added = {kind: whole[kind] - whole["none"] for kind in KINDS[1:]}
    for kind in ("wandb", "tensorboard"):
        rows.append(_row(_ADDED, added["runstore"], _PEERS[kind], added[kind], kind == "wandb"))
    return rows


def _row(what: str, ours: float, peer: str, theirs: float, is_goal: bool = False) -> Row:
    return Row(
        what,
        microseconds(ours),
        f"{peer} {microseconds(theirs)}",
        ratio(ours, theirs),
        "1/5 or less" if is_goal else "",
        ours <= AGAINST_WANDB * theirs if is_goal else None,
    )


def _step_ns(python: Path, folder: Path, kind: str, steps: int) -> float:
    """Return the median time of a step in a process of its own."""
    place = Path(tempfile.mkdtemp(dir=folder))
    libraries = {"runstore": [str(shim.folder()), str(ROOT)], "wandb": [str(stock.install(STOCK_VERSION))]}
    known = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    ours = {"HOME": str(place), "RUNSTORE_HOME": str(place / "home"), "WANDB_DIR": str(place)}
    quiet = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join(libraries.get(kind, []))
    source = f"{_CHILD.read_text(encoding='utf-8')}\n\ntrain({kind!r}, {steps})\n"
    with tempfile.TemporaryDirectory(prefix="stock-") as short:  # stock makes a socket in it, whose name has a limit
        done = subprocess.run(
            [str(python), "-c", source],
            cwd=place,
            env={**known, **ours, **quiet, "PYTHONPATH": path, "TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    if done.returncode != 0:
        raise RuntimeError(f"a measured process failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"ns"')]
    return float(json.loads(line)["ns"])
