"""From the end of a run log to answers from the index, beside the obvious loop over the same log."""

from __future__ import annotations

from statistics import median

from bench import processes
from bench.rows import Bench, Row, ratio

METRICS = 10
GOALS = {"JSON": 1.5e6, "typed": 5e6}  # points a second
AGAINST_NAIVE = 10.0


def measure(bench: Bench) -> list[Row]:
    """Return the points indexed in a second, from a log of JSON values and from one of typed values.

    A point is a value that the program logged; those that every row has beside them are read, too, and not counted.
    """
    calls = 20_000 if bench.quick else 150_000
    return [row for form in GOALS for row in _rows(bench, form, calls)]


def _rows(bench: Bench, form: str, calls: int) -> list[Row]:
    typed = str(form == "typed")
    log = processes.runstore(bench.folder, f"written({METRICS}, {calls})", RUNSTORE_TYPED=typed).printed
    indexing, naive = [], []
    for number in range(bench.rounds):
        indexing.append(processes.runstore(bench.folder, f"indexed({log!r}, '{log}.{number}.db')").printed)
        naive.append(processes.runstore(bench.folder, f"naively_read({log!r})").printed)
    points = METRICS * calls
    mine, loop = points / median(indexing), points / median(naive)
    what = f"log to queryable, {points / 1e6:,.1f} M points of {form}"
    rows = [Row(what, _speed(mine), "", "", f"{GOALS[form] / 1e6:.1f} M/s or more", mine >= GOALS[form])]
    if form == "JSON":
        met = mine >= AGAINST_NAIVE * loop
        rows.append(Row(what, _speed(mine), f"pb2 + json.loads {_speed(loop)}", ratio(mine, loop), "10x or more", met))
    else:
        rows.append(Row(what, _speed(mine), f"pb2 {_speed(loop)}", ratio(mine, loop)))
    return rows


def _speed(points_per_second: float) -> str:
    return f"{points_per_second / 1e6:,.2f} M/s"
