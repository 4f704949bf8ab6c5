"""Charts say what the points say, whichever way they are put together."""

from __future__ import annotations

import math
import random
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.index.indexer import Indexer
from runstore.query.points.charts import Chart, chart
from runstore.query.points.stitched import points_of
from tests.index.writing import log_path, pending, row, run, write, write_log


def index_of(folder: Path, sealed: bool = False) -> sqlite3.Connection:
    indexer = Indexer(folder / "i.db")
    indexer.catch_up_below(folder)
    if sealed:
        for (log,) in indexer.connection.execute("SELECT id FROM logs").fetchall():
            assert indexer.seal(log)
    return indexer.connection


def check(
    connection: sqlite3.Connection,
    key: str = "a",
    buckets: int = 1000,
    min_step: int | None = None,
    max_step: int | None = None,
) -> Chart:
    """Compare a chart with one that is made of the points, bucket by bucket, and return it."""
    (which,) = connection.execute("SELECT id FROM runs").fetchone()
    found = chart(connection, which, key, buckets, min_step, max_step)
    points = points_of(connection, which, key, min_step, max_step)
    assert len(found) <= buckets
    assert found.low.dtype == found.high.dtype == found.last.dtype
    ids = points.steps // found.width
    assert found.start.tolist() == [number * found.width for number in sorted(set(ids.tolist()))]
    for place, start in enumerate(found.start.tolist()):
        inside = points.values[ids == start // found.width]
        finite = inside[np.isfinite(inside)]
        expected = [finite.min(), finite.max()] if len(finite) else [math.nan, math.nan]
        shown = [found.low[place], found.high[place], found.last[place], found.count[place], found.nonfinite[place]]
        np.testing.assert_equal(shown, [*expected, inside[-1], len(inside), len(inside) - len(finite)])
        mean = finite.mean() if len(finite) else math.nan
        np.testing.assert_allclose(found.mean[place], mean, rtol=1e-9, atol=1e-9 * abs(finite).max(initial=0))
    return found


def values_of(kind: str, n: int) -> list[Any]:
    source = random.Random(3)
    if kind == "floats":
        return [source.gauss(0, 1) for _ in range(n)]
    if kind == "integers":
        return [source.randrange(-(2**63), 2**63) for _ in range(n)]
    if kind == "mixed":
        return [source.choice((source.random(), source.randrange(-5, 5))) for _ in range(n)]
    return [source.choice((math.nan, math.inf, -math.inf, source.random(), 1)) for _ in range(n)]


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("kind", ["floats", "integers", "mixed", "odd"])
def test_charts_of_all_kinds_of_numbers(kind: str, sealed: bool, tmp_path: Path) -> None:
    write_log(tmp_path, [row(n, {"a": value}) for n, value in enumerate(values_of(kind, 10_000))])
    connection = index_of(tmp_path, sealed)
    for buckets in (2, 7, 30, 100, 1000):
        found = check(connection, buckets=buckets)
        assert found.width == 1 << math.ceil(math.log2(10_000 / buckets))
    check(connection, buckets=10, min_step=4000, max_step=9001)
    check(connection, buckets=100, min_step=5000, max_step=5010)
    assert found.low.dtype == (np.int64 if kind == "integers" else np.float64)
    assert len(check(connection, min_step=20_000)) == len(check(connection, max_step=0)) == 0


def test_steps_with_gaps_and_strides(tmp_path: Path) -> None:
    source = random.Random(1)
    steps = [*sorted(source.sample(range(10**7), 5000)), 2**40, 2**62]
    write_log(tmp_path, [row(step, {"a": source.random(), "b": n}) for n, step in enumerate(steps)])
    connection = index_of(tmp_path)
    for buckets in (2, 10, 1000):
        check(connection, buckets=buckets)
        check(connection, "b", buckets, max_step=10**7)


def test_a_metric_that_is_not_there_has_no_buckets(tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"a": 1})])
    connection = index_of(tmp_path)
    assert len(check(connection, "b")) == 0
    with pytest.raises(ValueError, match="at least 2 buckets"):
        check(connection, buckets=1)


def test_steps_that_went_back_and_values_that_are_no_numbers(tmp_path: Path) -> None:
    bodies = [row(n, {"a": n / 7, "b": n}) for n in range(3000)]
    bodies += [row(n, {"a": -n / 7, "b": "text"}) for n in range(2000, 2500)]
    write_log(tmp_path, [*bodies, pending(2100, {"a": 99.5})])
    connection = index_of(tmp_path)
    for key in "ab":
        check(connection, key, 50)
    assert check(connection, buckets=50).high.max() == pytest.approx(2999 / 7)


def test_an_open_row_counts(tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"a": 1, "b": 1}), pending(1, {"a": 5, "b": "text"})])
    connection = index_of(tmp_path)
    assert check(connection).last.tolist() == [1, 5]
    assert check(connection, "b").last.tolist() == [1]


@pytest.mark.parametrize("kind", ["resume", "rewind", "rank", "successor"])
def test_runs_of_several_logs(kind: str, tmp_path: Path) -> None:
    write_log(tmp_path, [row(n, {"a": n / 3, "b": n}) for n in range(5000)])
    later = [row(n, {"a": -n / 3, "c": n}) for n in range(3000, 9000)]
    write_log(tmp_path, later, "b", kind=kind, started=2000.0, starting_step=3000)
    connection = index_of(tmp_path)
    for key in "abc":
        check(connection, key, 20)
        check(connection, key, 1000)


def test_a_run_that_stock_tools_resumed(tmp_path: Path) -> None:
    for place in range(2):
        started: dict[str, Any] = {"start_time": {"seconds": place + 1}, "resume": place > 0}
        rows = [row(n, {"a": n + 10_000 * place}) for n in range(3000)]
        write(log_path(tmp_path, f"{place}"), [run(**started), *rows])
    assert check(index_of(tmp_path), buckets=20).count.sum() == 6000


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(-(2**62), 2**62) | st.integers(0, 50), st.floats() | st.integers(-9, 9)), max_size=40
    ),
    st.integers(2, 60),
)
def test_any_points(points: list[tuple[int, float]], buckets: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), [row(0, {"z": 1})] + [row(step, {"a": value}) for step, value in points])
        check(index_of(Path(folder)), buckets=buckets)
