"""As many uploads at once as the storage lets wait."""

from __future__ import annotations

import pytest

from runstore.syncd.remotes.wandb.overlap import Overlap


def test_the_first_upload_goes_alone() -> None:
    assert Overlap().at_once == 1


@pytest.mark.parametrize(("seconds", "at_once"), [(0.0002, 1), (0.0004, 1), (0.003, 10), (0.012, 40), (0.3, 64)])
def test_the_longer_small_files_wait_the_more_of_them_go_at_once(seconds: float, at_once: int) -> None:
    overlap = Overlap()
    overlap.took(seconds, 1000)
    assert overlap.at_once == at_once


def test_the_fastest_counts_since_the_others_waited_for_something_else() -> None:
    overlap = Overlap()
    for seconds in (0.4, 0.0006, 0.9):
        overlap.took(seconds, 1000)
    assert overlap.at_once == 2


def test_large_files_say_nothing_of_the_storage_and_go_a_few_at_once() -> None:
    overlap = Overlap()
    overlap.took(9.0, 1 << 30)
    assert overlap.at_once == 8
    overlap.took(0.0003, 10)
    assert overlap.at_once == 1
