"""What `log` adds to a step of a training loop that does something else as well, with syncing in the background."""

from __future__ import annotations

from statistics import median

from bench import processes
from bench.rows import Bench, Row, microseconds, ratio

TAIL = 5.0  # how many times the mean the 99.9th percentile may be


def measure(bench: Bench) -> list[Row]:
    """Return the mean, the 99.9th percentile, and how far apart they are."""
    count = 2_000 if bench.quick else 10_000
    ours, theirs = [], []
    for _ in range(1 if bench.quick else 3):
        ours.append(processes.runstore(bench.folder, f"steps('runstore', {count})").printed)
        theirs.append(processes.wandb(bench.folder, f"steps('wandb', {count // 4})").printed)
    rows = []
    for name, figure in (("mean", "mean"), ("p99.9", "p999")):
        mine = median(figures[figure] for figures in ours)
        stocks = median(figures[figure] for figures in theirs)
        rows.append(
            Row(
                f"time added to a training step of 1 ms, {name}",
                microseconds(mine),
                f"wandb offline {microseconds(stocks)}",
                ratio(mine, stocks),
            )
        )
    spread = median(figures["p999"] / figures["mean"] for figures in ours)
    stocks = median(figures["p999"] / figures["mean"] for figures in theirs)
    rows.append(
        Row(
            "time added to a training step, p99.9 / mean",
            f"{spread:.1f}",
            f"wandb offline {stocks:.1f}",
            "",
            "5 or less",
            spread <= TAIL,
        )
    )
    return rows
