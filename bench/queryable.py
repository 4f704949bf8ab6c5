"""From the end of a run log to answers from the index, beside the obvious loop over the same log.

Three kinds of logs: ours with values as JSON, ours with typed values, and stock's, which has a summary and items in
random order with every row. And many logs at once, with one processor and with all.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import processes
from bench.rows import Bench, Row, ratio

METRICS = 10
GOALS = {"JSON": 1.5e6, "typed": 5e6, "stock wandb": 1e6}  # points a second
AGAINST_NAIVE = 10.0
AT_ONCE = 8  # logs


def measure(bench: Bench) -> list[Row]:
    """Return the points indexed in a second, from a log of each kind and from many.

    A point is a value that the program logged; those that every row has beside them are read, too, and not counted.
    """
    calls = 20_000 if bench.quick else 150_000
    rows = [row for form in GOALS for row in _rows(bench, form, calls if form != "stock wandb" else calls // 3)]
    return [*rows, _many(bench, calls)]


def _rows(bench: Bench, form: str, calls: int) -> list[Row]:
    log = _written(bench, form, calls)
    indexing, naive = [], []
    for number in range(bench.rounds):
        indexing.append(processes.runstore(bench.folder, f"indexed({log!r}, '{log}.{number}.db')").printed)
        naive.append(processes.runstore(bench.folder, f"naively_read({log!r})").printed)
    points = METRICS * calls
    mine, loop = points / median(indexing), points / median(naive)
    what = f"log to queryable, {points / 1e6:,.1f} M points of {form}"
    rows = [Row(what, _speed(mine), "", "", f"{GOALS[form] / 1e6:.1f} M/s or more", mine >= GOALS[form])]
    if form == "typed":
        return [*rows, Row(what, _speed(mine), f"pb2 {_speed(loop)}", ratio(mine, loop))]
    peer = f"pb2 + json.loads {_speed(loop)}"
    if form == "JSON":
        met = mine >= AGAINST_NAIVE * loop
        return [*rows, Row(what, _speed(mine), peer, ratio(mine, loop), "10x or more", met)]
    return [*rows, Row(what, _speed(mine), peer, ratio(mine, loop))]


def _many(bench: Bench, calls: int) -> Row:
    """Return the points indexed in a second from some logs at once, beside the same with one processor."""
    folder = Path(_written(bench, "JSON", calls, AT_ONCE)).parents[1]
    alone: list[float] = []
    together: list[float] = []
    for number in range(bench.rounds):
        for parallel, figures in ((False, alone), (True, together)):
            call = f"indexed_below({str(folder)!r}, '{folder}.{number}.{parallel}.db', {parallel})"
            figures.append(processes.runstore(bench.folder, call).printed)
    points = AT_ONCE * METRICS * calls
    mine, one = points / median(together), points / median(alone)
    what = f"{AT_ONCE} logs to queryable, {points / 1e6:,.1f} M points of JSON, all processors"
    return Row(what, _speed(mine), f"one processor {_speed(one)}", ratio(mine, one))


def _written(bench: Bench, form: str, calls: int, count: int = 1) -> str:
    """Return the path of a log of so many rows, or of the last of some."""
    if form == "stock wandb":
        return str(processes.wandb(bench.folder, f"written({METRICS}, {calls}, library='wandb')").printed)
    typed = str(form == "typed")
    call = f"written({METRICS}, {calls}, {count})"
    return str(processes.runstore(bench.folder, call, RUNSTORE_TYPED=typed).printed)


def _speed(points_per_second: float) -> str:
    return f"{points_per_second / 1e6:,.2f} M/s"
