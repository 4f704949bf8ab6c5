"""Words come back as they were, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.index.chunks.packing import packed, packed_size, unpacked
from runstore.index.chunks.series import CHUNK_POINTS, Chunk
from tests.index.test_series import INT64


@settings(deadline=None)
@given(st.lists(INT64 | st.integers(-300, 300), min_size=1, max_size=300))
def test_words_come_back(words: list[int]) -> None:
    data = packed(np.array(words, np.int64))
    assert unpacked(data + b"behind", len(words)).tolist() == words
    assert packed_size(data + b"behind") == len(data)


def test_the_least_word_and_the_greatest_distances_come_back() -> None:
    words = [-(2**63), 0, -(2**63), -(2**63), 2**63 - 1, -1, 2**63 - 1, 0] * 40 + list(range(4000))
    assert unpacked(packed(np.array(words)), len(words)).tolist() == words


@settings(deadline=None)
@given(st.data())
def test_chunks_of_any_form_are_the_same_sealed(data: st.DataObject) -> None:
    some = st.one_of(st.floats(), INT64, st.floats() | st.integers(-9, 9), st.floats() | INT64)
    values = data.draw(st.lists(some, min_size=1, max_size=60))
    steps = data.draw(st.lists(INT64, min_size=len(values), max_size=len(values)))
    chunk = Chunk.pack(steps, values)
    sealed = chunk.sealed()
    assert sealed.is_sealed
    assert sealed.sealed() is sealed
    assert sealed.unsealed() == chunk
    assert repr(sealed.values()) == repr(chunk.values()) == repr(values)
    assert sealed.value_array().tobytes() == chunk.value_array().tobytes()
    assert sealed.step_array().tolist() == steps


SOURCE = np.random.default_rng(1)
WALK = 1.0 + np.cumsum(SOURCE.normal(0, 0.001, CHUNK_POINTS))


@pytest.mark.parametrize(
    ("values", "most"),
    [
        (WALK, 5.7),
        (WALK.astype(np.float32).astype(np.float64), 2.4),
        (np.full(CHUNK_POINTS, 0.1), 0.1),
        (np.arange(CHUNK_POINTS) * 7, 0.1),
        (SOURCE.random(CHUNK_POINTS), 6.9),
        (SOURCE.integers(-(2**63), 2**63 - 1, CHUNK_POINTS), 8.02),
    ],
)
def test_full_chunks_shrink(values: np.ndarray[tuple[int], np.dtype[np.float64]], most: float) -> None:
    sealed = Chunk.pack(np.arange(CHUNK_POINTS), values).sealed()
    assert len(sealed.points) / CHUNK_POINTS <= most
    assert sealed.value_array().tolist() == values.tolist()
