"""Which earlier steps of media are taken into a page that hasn't room for all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runstore.web.export.earlier import MOST_STEPS, coarse_first


def test_first_steps_come_first_then_middle_ones_then_those_between() -> None:
    steps = {"long": np.arange(0, 1600, 10), "short": np.array([3, 4])}
    found = list(coarse_first(steps))
    assert found[:2] == [("long", 0), ("short", 3)]
    assert [step for owner, step in found if owner == "long"][:4] == [0, 800, 400, 1200]
    assert sorted(step for owner, step in found if owner == "short") == [3, 4]


@given(st.lists(st.integers(0, 10**6), unique=True).map(sorted))
def test_no_step_comes_twice_and_few_come_all(steps: list[int]) -> None:
    found = [step for _, step in coarse_first({"": np.array(steps, np.int64)})]
    assert len(set(found)) == len(found) == min(len(steps), MOST_STEPS)
    assert set(found) <= set(steps)
    assert not steps or steps[0] in found
