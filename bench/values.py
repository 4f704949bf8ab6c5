"""Calls of `log` with other values than floats, beside stock wandb offline: scalars of libraries, texts, media.

Both run with their defaults: they capture the console and the program's surroundings and sample the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from statistics import median
from typing import Any

from bench import processes
from bench.rows import Bench, Row, microseconds, ratio
from tests import torch_environment
from tests.conformance import stock

ROUNDS = 3  # there are many rows
FIGURES = ("p50", "p99")
KINDS = {
    "a nested dict of 10 floats": "nested",
    "10 numpy.float64": "float64",
    "10 numpy.float32": "float32",
    "10 strings": "strings",
}
TENSORS = "10 torch 0-d tensors"


def measure(bench: Bench) -> list[Row]:
    """Return two rows for each kind of value: the median and the 99th percentile of a call."""
    calls = 1_000 if bench.quick else 4_000
    media_calls = 20 if bench.quick else 100
    steps = 1_500 if bench.quick else 4_000
    installed = sysconfig.get_path("purelib")
    rows = _rows(bench, "log() of 10 floats, right after init", f"log_at_once(LIBRARY, {calls})")
    for what, kind in KINDS.items():
        rows += _rows(bench, f"log() of {what}", f"log_values(LIBRARY, {kind!r}, {calls})", installed)
    rows += _of_tensors(bench, calls)
    rows += _rows(bench, "print() + log() of 10 floats, console captured", f"log_and_print(LIBRARY, {calls})")
    sampled = f"steps(LIBRARY, {steps}, x_stats_sampling_interval=1.0)"
    rows += _rows(bench, "log() of 10 floats each ms, system metrics each s", sampled)
    rows += _rows(bench, "Image() of 256 x 256 + log()", f"log_images(LIBRARY, {media_calls})", installed)
    rows += _rows(bench, "Table() of 1,000 x 3 + log()", f"log_tables(LIBRARY, {media_calls})", installed)
    return rows


def _of_tensors(bench: Bench, calls: int) -> list[Row]:
    if sys.version_info[:2] != torch_environment.PYTHON:
        return [Row(f"log() of {TENSORS}", f"left out: torch is fetched for Python {torch_environment.PYTHON}", "", "")]
    try:
        torch = str(torch_environment.install())
    except (OSError, RuntimeError, subprocess.TimeoutExpired):
        return [Row(f"log() of {TENSORS}", "left out: torch could not be installed", "", "")]
    return _rows(bench, f"log() of {TENSORS}", f"log_values(LIBRARY, 'torch', {calls})", torch)


def _rows(bench: Bench, what: str, call: str, *beside: str) -> list[Row]:
    """Return the rows of a call, in which the programs can import from the folders `beside` too."""
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    our_path, stocks_path = (
        os.pathsep.join((str(first), *beside)) for first in (processes.ROOT, stock.install(processes.STOCK_VERSION))
    )
    for _ in range(min(bench.rounds, ROUNDS)):
        mine, stocks = (call.replace("LIBRARY", repr(library)) for library in ("runstore", "wandb"))
        ours.append(processes.runstore(bench.folder, mine, PYTHONPATH=our_path).printed)
        theirs.append(processes.wandb(bench.folder, stocks, PYTHONPATH=stocks_path).printed)
    rows = []
    for figure in FIGURES:
        mine_ns, stocks_ns = (median(figures[figure] for figures in rounds) for rounds in (ours, theirs))
        beside_them = f"wandb offline {microseconds(stocks_ns)}"
        rows.append(Row(f"{what}, {figure}", microseconds(mine_ns), beside_them, ratio(mine_ns, stocks_ns)))
    return rows
