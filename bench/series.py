"""Series in the index: bytes a point, charts, long series, and the tail of many live runs."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench import processes, series_child
from bench.rows import Bench, Row, ratio

LIVE_BYTES, SEALED_BYTES = 8.4, 6.0  # a point
OF_NUMPY, OF_ROWS = 5.0, 100.0
WITHIN = 1.2
FLUSH_MS, AMPLIFICATION = 10.0, 6.0
RUNS, KEYS = 100, 50


def measure(bench: Bench) -> list[Row]:
    """Return sizes, times of charts, the cost of a point in long series, and what live runs cost."""
    return [*_charts(bench), *_long(bench), *_tail(bench)]


def _child(bench: Bench, call: str) -> dict[str, Any]:
    figures: dict[str, Any] = processes.runstore(bench.folder, call, series_child).printed
    return figures


def _charts(bench: Bench) -> list[Row]:
    rounds = [_child(bench, f"charted('series.{n}.db', 1_000_000)") for n in range(2 if bench.quick else 3)]
    found = {name: median(figures[name] for figures in rounds) for name in rounds[0]}
    float32 = _child(bench, "sized('float32.db', 1_000_000)")
    rows = [
        _size("index of a live run, random walk of full precision", found["live_bytes"], LIVE_BYTES),
        _size("the same, sealed", found["sealed_bytes"], SEALED_BYTES),
        Row("sealed, values that were float32", f"{float32['sealed_bytes']:.2f} B/point", "", ""),
    ]
    for form in ("live", "sealed"):
        what, mine = f"chart of 1 M steps in 1,000 buckets, {form}", _milliseconds(found[form])
        for peer, name, goal in (
            ("numpy", "numpy in memory", "5x or less"),
            ("rows", "a row a point", "1/100 or less"),
        ):
            met = found[form] <= (OF_NUMPY * found["numpy"] if peer == "numpy" else found["rows"] / OF_ROWS)
            beside = f"{name} {_milliseconds(found[peer])}"
            rows.append(Row(what, mine, beside, ratio(found[form], found[peer]), goal, met))
    return rows


def _long(bench: Bench) -> list[Row]:
    large = 10_000_000 if bench.quick else 100_000_000
    rounds = [
        [_child(bench, f"scaled('long.{points}.db', {points})") for points in (large // 10, large)]
        for _ in range(2 if bench.quick else 3)
    ]
    few, many = (
        {name: median(found[name] for found in some) for name in some[0]} for some in zip(*rounds, strict=True)
    )
    what = f"a point of {large / 1e6:.0f} M, beside one of {large / 1e7:.0f} M"
    return [
        Row(
            f"{what}: {name}",
            f"{many[figure]:.1f} ns",
            f"{few[figure]:.1f} ns",
            ratio(many[figure], few[figure]),
            "1.2x or less",
            many[figure] <= WITHIN * few[figure],
        )
        for name, figure in (("written", "write"), ("written, in user mode", "user"), ("in a chart", "chart"))
    ]


def _tail(bench: Bench) -> list[Row]:
    seconds = 130 if bench.quick else 600
    figures = _child(bench, f"tailed('.', {RUNS}, {KEYS}, {seconds})")
    cycle = 1300 if bench.quick else 4400  # the longer one packs full chunks, too
    few = _child(bench, f"tailed('.', 6, {KEYS}, {cycle})")
    what = f"live tail of {RUNS} runs x {KEYS} keys at 1 Hz"
    flush = figures["flush"] * 1e3
    longest = f"the longest {_milliseconds(figures['longest'])}"
    return [
        Row(f"{what}: flush, a second", f"{flush:.1f} ms", longest, "", "10 ms or less", flush <= FLUSH_MS),
        Row(f"{what}: reading, a second", _milliseconds(figures["read"]), "", ""),
        _amplification(f"{what}: written over 8 B a point", figures["amplification"]),
        _amplification(f"live tail of 6 runs for {cycle:,} s: the same", few["amplification"]),
    ]


def _size(what: str, size: float, goal: float) -> Row:
    return Row(what, f"{size:.3f} B/point", "", "", f"{goal:.1f} or less", size <= goal)


def _amplification(what: str, times: float) -> Row:
    return Row(what, f"{times:.1f}x", "", "", f"{AMPLIFICATION:.0f}x or less", times <= AMPLIFICATION)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms"
