"""Where the rows of stock tools' later logs stand."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from runstore.index.placing import LAST_STEP, lifted


def placed(steps: Sequence[int], after: int) -> list[int]:
    found: list[int] = lifted(np.array(steps, np.int64), after).tolist()
    return found


def test_a_taken_step_is_lifted_to_the_next_free_one() -> None:
    assert placed([5, 6, 20], 4) == [5, 6, 20]
    assert placed([0, 2, 10], 4) == [5, 6, 10]
    assert placed([0, 1, 2], -1) == [0, 1, 2]
    assert placed([], 4) == []


@pytest.mark.parametrize("seed", range(20))
def test_lifting_all_at_once_is_lifting_one_by_one(seed: int) -> None:
    source = random.Random(seed)
    steps = sorted(source.sample(range(-20, source.choice((60, 1000))), 50))
    after = source.randrange(-5, 100)
    expected, last = [], after
    for step in steps:
        last = max(step, last + 1)
        expected.append(last)
    assert placed(steps, after) == expected


def test_what_is_lifted_beyond_64_bits_stands_at_the_last_step() -> None:
    assert placed([-LAST_STEP, 0, LAST_STEP], LAST_STEP - 1) == [LAST_STEP] * 3
    assert placed([-LAST_STEP, LAST_STEP - 1, LAST_STEP], 4) == [5, LAST_STEP - 1, LAST_STEP]
