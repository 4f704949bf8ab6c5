"""A chunk that is packed without numpy is the one that numpy packs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.index.chunks.few import FEW_POINTS, chunk_of_few
from runstore.index.chunks.series import Chunk, Number

INT64 = st.integers(-(2**63), 2**63 - 1)
STEPS = st.lists(INT64, min_size=1, max_size=FEW_POINTS + 2)
EVEN_STEPS = st.builds(lambda first, stride, n: list(range(first, first + stride * n, stride)), *(
    st.integers(0, 2**40), st.integers(1, 2**16), st.integers(1, FEW_POINTS + 2)
))  # fmt: skip


@settings(deadline=None)
@given(STEPS | EVEN_STEPS, st.sampled_from(["floats", "integers", "both"]), st.data())
def test_few_points_are_packed_as_numpy_packs_them(steps: list[int], kind: str, data: st.DataObject) -> None:
    some = {"floats": st.floats(), "integers": INT64, "both": st.floats() | INT64}[kind]
    values: list[Number] = data.draw(st.lists(some, min_size=len(steps), max_size=len(steps)))
    few, usual = chunk_of_few(steps, values), Chunk.pack(steps, values)
    assert few.total == pytest.approx(usual.total, rel=1e-9, abs=1e-9 * max(map(_size, values)))
    assert replace(few, total=0.0) == replace(usual, total=0.0)
    assert [repr(value) for value in few.values()] == [repr(value) for value in values]


def _size(value: Number) -> float:
    return 0.0 if value != value or value in (float("inf"), float("-inf")) else abs(float(value))
