"""One call of `log`: beside raw os.write of the same bytes, and beside stock wandb offline.

Both run with their defaults (console, surroundings, system metrics), and are timed when they have settled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench import processes
from bench.rows import Bench, Row, microseconds, ratio

METRICS = (1, 10, 100)
# The goals are for ten floats.
AGAINST_WANDB = 1 / 12
AGAINST_RAW = 15.0


def measure(bench: Bench) -> list[Row]:
    """Return, for each number of metrics, the median and the 99th percentile of a call; for ten, its CPU time too."""
    rows = []
    for metrics in METRICS:
        ours, raw, theirs = _figures(bench, metrics)
        for figure in ("p50", "p99"):
            goals = figure == "p50" and metrics == 10
            for peer, figures, limit, goal in (
                ("raw os.write", raw, AGAINST_RAW, "15x or less"),
                ("wandb offline", theirs, AGAINST_WANDB, "1/12 or less"),
            ):
                rows.append(
                    Row(
                        f"log() of {metrics} floats, {figure}",
                        microseconds(ours[figure]),
                        f"{peer} {microseconds(figures[figure])}",
                        ratio(ours[figure], figures[figure]),
                        goal if goals else "",
                        ours[figure] <= limit * figures[figure] if goals else None,
                    )
                )
    return [*rows, _cpu(bench)]


def _figures(bench: Bench, metrics: int) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return the figures, in ns, of runstore, raw writes and wandb: medians over rounds in which they take turns."""
    calls, stock_calls = _calls(bench)
    log = processes.runstore(bench.folder, f"written({metrics}, {calls})").printed
    ours, raw, theirs = [], [], []
    for _ in range(bench.rounds):
        ours.append(processes.runstore(bench.folder, f"log_calls('runstore', {metrics}, {calls})").printed)
        raw.append(processes.runstore(bench.folder, f"raw_writes({log!r}, {calls})").printed)
        theirs.append(processes.wandb(bench.folder, f"log_calls('wandb', {metrics}, {stock_calls})").printed)
    return _medians(ours), _medians(raw), _medians(theirs)


def _cpu(bench: Bench) -> Row:
    """Return the row of the CPU time that a call costs all processes of its run; that of runs without calls is off."""
    calls, stock_calls = _calls(bench)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(bench.rounds):
        ours.append(_cpu_of_a_call(processes.runstore, bench, "runstore", calls))
        theirs.append(_cpu_of_a_call(processes.wandb, bench, "wandb", stock_calls))
    mine, stocks = median(ours), median(theirs)
    return Row(
        "log() of 10 floats, CPU of all processes",
        microseconds(mine),
        f"wandb offline {microseconds(stocks)}",
        ratio(mine, stocks),
    )


def _cpu_of_a_call(run: Callable[[Path, str], processes.Outcome], bench: Bench, library: str, calls: int) -> float:
    """Return nanoseconds."""
    without = run(bench.folder, f"log_calls({library!r}, 10, 0)").cpu
    return (run(bench.folder, f"log_calls({library!r}, 10, {calls})").cpu - without) / calls * 1e9


def _calls(bench: Bench) -> tuple[int, int]:
    """Return how many calls are timed of runstore, and how many of wandb, which takes longer for each."""
    return (5_000, 1_000) if bench.quick else (20_000, 4_000)


def _medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    return {name: median(figures[name] for figures in rounds) for name in rounds[0]}
