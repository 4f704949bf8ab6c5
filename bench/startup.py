"""The start of a run: `import runstore`, `init` with its defaults, and a short run as a whole process."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench import beginning, processes
from bench.rows import Bench, Row, ratio

AGAINST_WANDB = 1 / 10
IMPORT_MS, INIT_MS = 60.0, 50.0


def measure(bench: Bench) -> list[Row]:
    """Return rows of the import, of init, and of the wall time of a process until all that it started has ended."""
    return [*_beginning(bench), _short_run(bench)]


def _beginning(bench: Bench) -> list[Row]:
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(2 * bench.rounds + 1):  # the first ones fill caches on both sides
        ours.append(processes.runstore(bench.folder, "begin('runstore')", beginning, bare=True).printed)
        theirs.append(processes.wandb(bench.folder, "begin('wandb')", beginning).printed)
    return [
        _milliseconds("import runstore", "import", ours[1:], theirs[1:], IMPORT_MS),
        _milliseconds("init with defaults, after the import", "init", ours[1:], theirs[1:], INIT_MS),
        _milliseconds("finish of a run without rows, right after init", "finish", ours[1:], theirs[1:], None),
    ]


def _milliseconds(
    what: str, part: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], limit: float | None
) -> Row:
    mine, stocks = (median(figures[part] for figures in rounds) for rounds in (ours, theirs))
    goal = f"under {limit:.0f} ms" if limit else ""
    met = mine < limit if limit else None
    return Row(what, f"{mine:,.0f} ms", f"wandb offline {stocks:,.0f} ms", ratio(mine, stocks), goal, met)


def _short_run(bench: Bench) -> Row:
    ours, theirs = [], []
    for _ in range(bench.rounds + 2):
        ours.append(processes.runstore(bench.folder, "short_run('runstore')").wall)
        theirs.append(processes.wandb(bench.folder, "short_run('wandb')").wall)
    mine, stocks = median(ours[1:]), median(theirs[1:])
    return Row(
        "import + init + 10 rows + finish, whole process",
        f"{mine * 1000:,.0f} ms",
        f"wandb offline {stocks * 1000:,.0f} ms",
        ratio(mine, stocks),
        "1/10 or less",
        mine <= AGAINST_WANDB * stocks,
    )
