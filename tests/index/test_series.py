"""Chunks: every point comes back exactly, and the statistics beside them are right."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.index.chunks.series import Chunk, Number

INT64 = st.integers(-(2**63), 2**63 - 1)
ints = INT64 | st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 2**63 - 1, -(2**63)])


@settings(deadline=None)
@given(
    st.one_of(*(st.lists(some, min_size=1, max_size=40) for some in (ints, st.floats(), ints | st.floats()))), st.data()
)
def test_points_come_back_exactly(values: list[Number], data: st.DataObject) -> None:
    steps = data.draw(st.lists(INT64, min_size=len(values), max_size=len(values)))
    chunk = Chunk.pack(steps, values)
    assert [repr(value) for value in chunk.values()] == [repr(value) for value in values]
    assert chunk.step_array().tolist() == steps
    assert chunk.n == len(chunk.value_array()) == len(values)
    finite = [value for value in values if math.isfinite(value)]
    assert chunk.nonfinite == len(values) - len(finite)
    in_array = [value for value in chunk.value_array().tolist() if math.isfinite(value)]
    assert (chunk.low, chunk.high) == ((min(in_array), max(in_array)) if finite else (None, None))
    assert not math.isnan(chunk.total)
    columns = astuple(chunk)
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE c (" + ", ".join(f"c{n}" for n in range(len(columns))) + ", CHECK (c7 IS NOT NULL))")
    database.execute("INSERT INTO c VALUES (" + ", ".join("?" * len(columns)) + ")", columns)
    assert Chunk(*database.execute("SELECT * FROM c").fetchone()) == chunk


@pytest.mark.parametrize(
    ("steps", "stride"),
    [
        ([7], 0),
        ([0, 1, 2, 3], 1),
        ([10, 20, 30], 10),
        ([3, 2, 1], -1),
        ([5, 5, 5], 0),
        ([0, 1, 3], None),
        ([0, 1, 0], None),
        ([-(2**63), 2**63 - 1], None),
        ([2**63 - 1, -(2**63)], None),
        ([2**63 - 2, 2**63 - 1], 1),
        ([0, 2**62, -(2**63)], None),
    ],
)
def test_strides(steps: list[int], stride: int | None) -> None:
    chunk = Chunk.pack(steps, [0.5] * len(steps))
    assert chunk.stride == stride
    assert (chunk.steps is None) == (stride is not None)
    assert chunk.step_array().tolist() == steps


@pytest.mark.parametrize("values", [[1e308] * 20, [1e308] * 9 + [-1e308] * 9, [-1.7e308, -1.7e308]])
def test_a_sum_beyond_all_floats_is_no_nan_and_no_warning(values: list[Number]) -> None:
    total = Chunk.pack(list(range(len(values))), values).total
    assert total == (0.0 if sum(v > 0 for v in values) * 2 == len(values) else math.copysign(math.inf, values[0]))
