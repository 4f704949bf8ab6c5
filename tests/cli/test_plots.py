"""Charts in a terminal: what was logged is seen, and what was not isn't."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runstore.cli.plots import Series, chart, sparkline


def series(values: list[float], steps: list[int] | None = None) -> Series:
    return Series("loss", np.array(steps or range(len(values)), np.int64), np.array(values))


def dots(lines: list[str]) -> list[str]:
    """Return the drawn part of a chart as rows of `#` and blanks, a character a dot."""
    rows: list[str] = []
    for line in lines[1:-1]:
        drawn = [ord(character) - 0x2800 for character in line if 0x2800 <= ord(character) < 0x2900]
        for bits in ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)):
            rows.append("".join("#" if code & bit else " " for code in drawn for bit in bits).rstrip())
    return rows


def test_a_line_goes_from_the_first_value_to_the_last() -> None:
    lines = chart(series([0.0, 1.0, 2.0, 3.0]), width=6, height=1)
    assert lines[0] == "loss  4 points, min 0, max 3, last 3"
    rows = dots(lines)
    starts = [row.index("#") for row in rows]
    assert starts == sorted(starts, reverse=True)
    assert (starts[-1], len(rows[0])) == (0, 8)


def test_a_chart_is_as_wide_and_as_high_as_it_may() -> None:
    lines = chart(series([math.sin(n / 9) for n in range(5000)]), width=61, height=7)
    assert len(lines) == 9
    assert max(map(len, lines)) == 61
    assert [lines[1].split()[0], lines[7].split()[0]] == ["1", "-1"]
    assert lines[-1].split() == ["0", "4999"]


def test_no_spike_is_lost_among_many_points() -> None:
    values = [0.0] * 100_000
    values[61_234] = 9.0
    rows = dots(chart(series(values), width=42, height=4))
    assert [row.index("#") for row in rows[:-1]] == [int(0.61234 * 79 + 0.5)] * 15


def test_a_line_is_broken_at_nan_and_not_at_steps_that_were_not_logged() -> None:
    whole = dots(chart(series([1.0, 1.0], [0, 100]), width=22, height=1))
    assert whole[2] == "#" * len(whole[2]) != ""
    lines = chart(series([1.0, math.nan, 1.0], [0, 50, 100]), width=22, height=1)
    assert "1 NaN or infinite" in lines[0]
    assert dots(lines)[2].strip("#").strip() == ""
    assert dots(lines)[2].count("#") == 2


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_what_has_no_finite_number_is_said(values: list[float]) -> None:
    assert chart(series(values), 40, 4) == ["loss: no number"]
    assert sparkline(series(values), 10) == ""


def test_extreme_values_and_steps_are_drawn() -> None:
    lines = chart(series([-1.7e308, 1.7e308], [-(2**62), 2**62]), 30, 2)
    assert len(lines) == 4
    assert dots(lines)[0]
    assert dots(lines)[-1].startswith("#")
    assert len(chart(series([5.0]), 10, 1)) == 3


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline(series([float(n) for n in range(8)]), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(series([0.0, math.nan, 1.0]), 3) == "▁ █"


def test_numbers_are_found_in_the_rows_of_a_history() -> None:
    rows: list[dict[str, object]] = [{"_step": 0, "loss": 1}, {"_step": 1, "loss": "NaN"}]
    rows += [{"_step": 2}, {"_step": 3, "loss": "text"}]
    found = Series.in_rows("loss", rows)
    assert found.steps.tolist() == [0, 1]
    assert found.values[0] == 1
    assert math.isnan(found.values[1])
