"""Lines of many runs on one grid say what their points say: spikes, ends, other x axes, machines and groups."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runstore.index.indexer import Indexer
from runstore.query.charting import rising
from runstore.query.charting.against import on_metric
from runstore.query.charting.grid import on_steps
from runstore.query.charting.groups import grouped
from runstore.query.charting.keys import chart_keys, step_metric
from runstore.query.charting.lines import BUCKETS, Grid, Line, Point, Window
from runstore.query.charting.machine import WALL, machine_keys, of_machine
from runstore.query.charting.spikes import spikes
from runstore.query.points.stitched import points_of
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from tests.index.writing import config, row, write_log


def index_of(folder: Path) -> tuple[sqlite3.Connection, list[int]]:
    """Index all logs; return the index and the rows of the runs, in order of their ids."""
    indexer = Indexer(folder / "i.db")
    indexer.catch_up_below(folder)
    found = indexer.connection.execute("SELECT id FROM runs ORDER BY run_id").fetchall()
    return indexer.connection, [place for (place,) in found]


def logged(folder: Path, values: Sequence[Any], run_id: str = "r1", every: int = 1, **more: Any) -> None:
    """Write a run that logs `a`, and at each step what `more` says of it."""
    rows = [row(n * every, {"a": value, **{key: of(n) for key, of in more.items()}}) for n, value in enumerate(values)]
    write_log(folder, rows, run_id, run_id)


def noise(n: int, seed: int = 1) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(0, 1) for _ in range(n)]


def line_of(values: Sequence[float] | np.ndarray[Any, Any], size: int) -> Line:
    """Return a line of buckets of so many values each."""
    every = np.array(values)
    parts = np.split(every, range(size, len(every), size))
    with np.errstate(all="ignore"):
        finite = [part[np.isfinite(part)] for part in parts]
        columns = [[of(part) if len(part) else math.nan for part in finite] for of in (np.min, np.max, np.mean)]
    low, high, mean = (np.array(column, np.float64) for column in columns)
    count = np.array([len(part) for part in parts])
    odd = count - np.array([len(part) for part in finite])
    ends = Point(0, every[0]), Point(len(every) - 1, every[-1])
    return Line(1, np.arange(len(parts)), low, high, mean, mean, count, odd, *ends)


def test_all_runs_stand_on_one_grid_with_their_first_and_last_points(tmp_path: Path) -> None:
    logged(tmp_path, noise(5000), "r1")
    logged(tmp_path, noise(300, 2), "r2", every=3)
    connection, runs = index_of(tmp_path)
    grid = on_steps(connection, runs, "a")
    assert grid.x == "_step"
    assert grid.width == 16
    long, short = grid.lines
    assert BUCKETS / 2 < len(long) <= BUCKETS
    assert set(short.cells.tolist()) <= set(long.cells.tolist())
    assert [line.count.sum() for line in grid.lines] == [5000, 300]
    assert [long.first, short.final] == [Point(0, noise(5000)[0]), Point(897, noise(300, 2)[-1])]


def test_few_points_are_shown_at_their_own_steps(tmp_path: Path) -> None:
    logged(tmp_path, noise(300), "r1", every=1000)
    connection, runs = index_of(tmp_path)
    grid = on_steps(connection, runs, "a")
    assert grid.width == 1
    assert grid.lines[0].cells.tolist() == [n * 1000 for n in range(300)]
    assert grid.lines[0].mean.tolist() == noise(300)


def test_a_window_shows_every_point_in_it_and_the_points_beside_it(tmp_path: Path) -> None:
    values = noise(5000)
    logged(tmp_path, values)
    connection, runs = index_of(tmp_path)
    grid = on_steps(connection, runs, "a", Window(1000.5, 1100.2))
    (line,) = grid.lines
    assert line.cells.tolist() == list(range(1001, 1101))
    assert line.mean.tolist() == values[1001:1101]
    assert (line.first, line.final) == ((1000, values[1000]), (1101, values[1101]))
    (nothing,) = on_steps(connection, runs, "a", Window(10_000, 20_000)).lines
    assert len(nothing) == 0


def test_cells_stay_where_they_are_while_a_run_grows(tmp_path: Path) -> None:
    logged(tmp_path, noise(5000))
    connection, runs = index_of(tmp_path)
    whole = on_steps(connection, runs, "a").lines[0]
    later = on_steps(connection, runs, "a", Window(16 * 200), width=16).lines[0]
    assert later.cells.tolist() == whole.cells.tolist()[200:]
    assert later.mean.tolist() == whole.mean.tolist()[200:]


def test_a_width_that_makes_too_many_cells_is_made_wider(tmp_path: Path) -> None:
    logged(tmp_path, noise(9000), x=lambda n: n / 7)
    connection, runs = index_of(tmp_path)
    assert len(on_steps(connection, runs, "a", width=1).lines[0]) <= 4000
    assert len(on_metric(connection, runs, "a", "x", width=1e-9).lines[0]) <= 4000


@pytest.mark.parametrize("zoom", [1, 4, 50, 500])
def test_one_value_in_very_many_is_a_spike_at_every_zoom(zoom: int) -> None:
    values = np.array(noise(300_000))
    spike = 123_456
    values[spike], values[spike + 40] = 30.0, -30.0
    begin = spike - len(values) // zoom // 3
    part = values[max(0, begin) : begin + len(values) // zoom]
    size = len(part) // 300
    line = line_of(part, size)
    places = [(at - max(0, begin)) // size for at in (spike + 40, spike)]
    for found, place in zip(spikes(line), places, strict=True):
        assert place in found.tolist()
        assert len(found) <= 8


def test_noise_and_ramps_are_no_spikes() -> None:
    for values in (noise(30_000), np.cumsum(noise(30_000)), np.exp(-np.arange(30_000) / 4000), np.ones(30_000)):
        below, above = spikes(line_of(list(values), 100))
        assert len(below) + len(above) <= 12


def test_spikes_beside_values_that_are_no_numbers() -> None:
    values = noise(3000)
    values[1000:1200] = [math.nan] * 200
    values[2000] = 40.0
    line = line_of(values, 10)
    assert np.isnan(line.mean[100:120]).all()
    assert [place.tolist() for place in spikes(line)] == [[], [200]]
    assert [len(place) for place in spikes(line_of([math.nan] * 50, 5))] == [0, 0]


def check_against(grid: Grid, x: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> None:
    """Compare the only line of a grid with points."""
    (line,) = grid.lines
    cells = np.floor(x / grid.width).astype(np.int64) if grid.width else x
    assert line.cells.tolist() == sorted(set(cells.tolist()))
    for place, cell in enumerate(line.cells.tolist()):
        inside = values[cells == cell]
        assert (line.low[place], line.high[place], line.count[place]) == (inside.min(), inside.max(), len(inside))
        assert line.mean[place] == pytest.approx(inside.mean())


def test_a_metric_over_another_one(tmp_path: Path) -> None:
    values = noise(3000)
    logged(tmp_path, values, epoch=lambda n: n / 100, back=lambda n: -float(n), few=lambda n: n // 500)
    connection, runs = index_of(tmp_path)
    every = np.array(values)
    grid = on_metric(connection, runs, "a", "epoch")
    assert (grid.x, grid.width) == ("epoch", 0.125)
    check_against(grid, np.arange(3000) / 100, every)
    assert (grid.lines[0].first, grid.lines[0].final) == ((0, values[0]), (29.99, values[-1]))
    check_against(on_metric(connection, runs, "a", "back"), -np.arange(3000.0), every)
    window = on_metric(connection, runs, "a", "epoch", Window(10, 11))
    assert window.width == 0
    check_against(window, np.arange(1000, 1100) / 100, every[1000:1100])
    assert window.lines[0].first.x == 9.99
    by_few = on_metric(connection, runs, "a", "few").lines[0]
    assert by_few.count.tolist() == [500] * 6


def test_runs_without_the_x_metric_are_named(tmp_path: Path) -> None:
    logged(tmp_path, [1.0, 2.0], "r1", x=lambda n: n)
    logged(tmp_path, [1.0, 2.0], "r2")
    write_log(tmp_path, [row(0, {"b": 1})], "r3", "r3")
    write_log(tmp_path, [row(0, {"a": 1}), row(1, {"x": 1})], "r4", "r4")
    connection, runs = index_of(tmp_path)
    grid = on_metric(connection, runs, "a", "x")
    assert [line.run for line in grid.lines] == [runs[0]]
    assert grid.lacking == [runs[1], runs[3]]


@pytest.mark.parametrize("kind", ["plain", "paused", "often", "back"])
def test_long_runs_over_time_say_the_same_as_their_points(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rising, "_MANY", 2000)
    values = noise(8000)
    wall = {
        "plain": lambda n: float(n),
        "paused": lambda n: n + (5000.0 if n > 3333 else 0.0),
        "back": lambda n: float(n % 5000),
        "often": lambda n: n + 300.0 * (n // 257),
    }[kind]
    logged(tmp_path, values, epoch=wall)
    connection, runs = index_of(tmp_path)
    grid = on_metric(connection, runs, "a", "epoch")
    every = on_metric(connection, runs, "a", "epoch", Window(-1.0, 1e9), width=grid.width)
    monkeypatch.setattr(rising, "_MANY", 10**9)
    exact = on_metric(connection, runs, "a", "epoch", width=grid.width).lines[0]
    for line in (grid.lines[0], every.lines[0]):
        assert (line.count.sum(), line.first, line.final) == (8000, exact.first, exact.final)
        assert np.isin(line.cells, exact.cells).all()  # nothing stands in a pause
        assert (line.low.min(), line.high.max()) == (exact.low.min(), exact.high.max())
        there = np.interp(line.cells, exact.cells, np.cumsum(exact.count))
        assert np.abs(there - np.cumsum(line.count)).max() <= 2 * exact.count.max()


def test_definitions_say_the_x_axis_and_what_is_hidden(tmp_path: Path) -> None:
    def defined(hidden: bool = False, **said: Any) -> bytes:
        return codec.encode(Record(metric={"options": {"defined": True, "hidden": hidden}, **said}))

    rows = [row(0, {"val/loss": 1.0, "epoch": 1, "secret": 2, "text": "t"}), row(1, {"loss": 3})]
    definitions = [defined(glob_name="val/*", step_metric="epoch"), defined(name="secret", hidden=True)]
    write_log(tmp_path, [*definitions, *rows], "r1", "r1")
    write_log(tmp_path, [config({"a": 1}), row(0, {"loss": 1})], "r2", "r2")
    connection, runs = index_of(tmp_path)
    found = {one.key: (len(one.runs), one.x, one.is_hidden) for one in chart_keys(connection, runs)}
    assert found["val/loss"] == (1, "epoch", False)
    assert found["loss"] == (2, "_step", False)
    assert found["secret"][2]
    assert "text" not in found
    assert list(found)[-2:] == ["_runtime", "_timestamp"]
    assert [step_metric(connection, runs, key) for key in ("val/loss", "loss")] == ["epoch", "_step"]


def test_what_was_measured_of_a_machine(tmp_path: Path) -> None:
    stats = []
    for second in range(5):
        record = Record(stats={"timestamp": {"seconds": 1000 + second}})
        for key, value in (("cpu", second), ("gpu.0.temp", 50)):
            record.stats.item.add(key=key, value_json=str(value))
        stats.append(codec.encode(record))
    write_log(tmp_path, stats)
    connection, (run,) = index_of(tmp_path)
    assert machine_keys(connection, run) == ["cpu", "gpu.0.temp"]
    grid = of_machine(connection, run, ["gpu.0.temp", "nothing", "cpu"], WALL)
    assert [line.run for line in grid.lines] == [0, 2]
    assert grid.lines[1].cells.tolist() == [1000, 1001, 1002, 1003, 1004]
    assert grid.lines[1].mean.tolist() == [0, 1, 2, 3, 4]


def test_groups_have_a_mean_and_a_spread(tmp_path: Path) -> None:
    logged(tmp_path, [1.0, 2.0, 3.0], "r1")
    logged(tmp_path, [3.0, 4.0], "r2")
    logged(tmp_path, [7.0, math.nan, 9.0], "r3")
    connection, runs = index_of(tmp_path)
    grid = on_steps(connection, runs, "a")
    both, alone = grouped(grid, [runs[:2], [], runs[2:]], "std").lines
    assert (both.run, alone.run) == (0, 2)
    assert both.mean.tolist() == [2, 3, 3]
    assert both.low.tolist() == pytest.approx([2 - math.sqrt(2), 3 - math.sqrt(2), 3])
    np.testing.assert_equal(alone.mean, [7, math.nan, 9])
    least, greatest = (getattr(grouped(grid, [runs], "range").lines[0], name) for name in ("low", "high"))
    assert (least.tolist(), greatest.tolist()) == ([1, 2, 3], [7, 4, 9])


def test_integers_beyond_floats_and_no_runs_are_no_trouble(tmp_path: Path) -> None:
    logged(tmp_path, [2**62, -(2**62)], x=lambda n: 1e300 * n)
    connection, runs = index_of(tmp_path)
    assert on_steps(connection, runs, "a").lines[0].high.tolist() == [2**62, -(2**62)]
    assert on_metric(connection, runs, "a", "x", buckets=2).lines[0].count.sum() == 2
    for grid in (on_steps(connection, [], "a"), on_metric(connection, runs, "none", "x")):
        assert (list(grid.lines), list(grid.lacking)) == ([], [])
    assert len(points_of(connection, runs[0], "a")) == 2
