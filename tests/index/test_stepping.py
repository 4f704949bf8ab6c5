"""Steps that are cut once for many series make the chunks that each series has by itself."""

from __future__ import annotations

import random

import numpy as np
import pytest

from runstore.index.chunks.series import CHUNK_POINTS, Chunk, Values
from runstore.index.chunks.stepping import Cutter, Steps
from runstore.index.chunks.tails import chunks_of


def some_steps(kind: str, n: int, source: random.Random) -> Steps:
    if kind == "even":
        return 3 * np.arange(n) - 50
    if kind == "rising":
        return np.cumsum([source.randrange(1, 9) for _ in range(n)])
    if kind == "far apart":
        return np.sort(np.array([source.randrange(-(1 << 62), 1 << 62) for _ in range(n)]))
    return np.array([source.randrange(1 << 20) for _ in range(n)])


def some_values(kind: str, n: int, seed: int) -> Values:
    numbers = np.random.default_rng(seed).normal(size=n)
    if kind == "integers":
        return (numbers * 2**60).astype(np.int64)
    if kind == "both":
        return [int(9 * number) if place % 3 else number for place, number in enumerate(numbers.tolist())]
    return np.where(numbers > 1, one_not_finite(seed), numbers) if kind == "not finite" else numbers


def one_not_finite(seed: int) -> float:
    return (np.nan, np.inf, -np.inf)[seed % 3]


@pytest.mark.parametrize("kind", ["even", "rising", "far apart", "any order"])
@pytest.mark.parametrize("n", [1, 2047, 2048, CHUNK_POINTS, 2 * CHUNK_POINTS + 2500])
def test_chunks_are_those_of_each_series_by_itself(kind: str, n: int) -> None:
    cutter = Cutter(CHUNK_POINTS)
    steps = some_steps(kind, n, random.Random(n))
    for seed, values_kind in enumerate(("floats", "integers", "both", "not finite", "floats")):
        values = some_values(values_kind, n, seed)
        places = range(0, n, CHUNK_POINTS)
        alone = [Chunk.pack(steps[at : at + CHUNK_POINTS], values[at : at + CHUNK_POINTS]) for at in places]
        together = list(chunks_of([(steps, values)], cutter))
        assert repr(together) == repr(alone)
        assert [number for chunk in together for number in map(repr, chunk.values())] == list(
            map(repr, _listed(values))
        )


def test_the_same_steps_are_cut_once() -> None:
    cutter = Cutter(CHUNK_POINTS)
    first, rest = np.arange(10), np.arange(10, 9000)
    cut = cutter.cut([first, rest])
    assert cutter.cut([first, rest]) is cut
    assert cutter.cut([np.arange(9000)]) is cut  # in other parts
    other = cutter.cut([np.arange(9000) + 1])
    assert other is not cut
    assert [(span.begin, span.end) for span in other.spans] == [(0, 4096), (4096, 8192), (8192, 9000)]


def test_a_span_of_few_points_keeps_no_blocks() -> None:
    cut = Cutter(CHUNK_POINTS).cut([np.arange(CHUNK_POINTS + 10)])
    assert [span.block_shift is None for span in cut.spans] == [False, True]
    assert cut.starts[cut.first_blocks[1]] == CHUNK_POINTS
    assert cut.first_blocks[-1] == len(cut.starts) == cut.first_blocks[1] + 1


def _listed(values: Values) -> list[float | int]:
    return values if isinstance(values, list) else list(values.tolist())
