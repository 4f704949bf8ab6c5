"""A short run as a whole process: start of Python, import, init, ten rows, finish."""

from __future__ import annotations

from statistics import median

from bench import processes
from bench.rows import Bench, Row, ratio

AGAINST_WANDB = 1 / 10


def measure(bench: Bench) -> list[Row]:
    """Return one row: the wall time of the process, until all that it started has ended."""
    ours, theirs = [], []
    for _ in range(bench.rounds + 2):  # the first ones fill caches on both sides
        ours.append(processes.runstore(bench.folder, "short_run('runstore')").wall)
        theirs.append(processes.wandb(bench.folder, "short_run('wandb')").wall)
    mine, stocks = median(ours[1:]), median(theirs[1:])
    return [
        Row(
            "import + init + 10 rows + finish, whole process",
            f"{mine * 1000:,.0f} ms",
            f"wandb offline {stocks * 1000:,.0f} ms",
            ratio(mine, stocks),
            "1/10 or less",
            mine <= AGAINST_WANDB * stocks,
        )
    ]
