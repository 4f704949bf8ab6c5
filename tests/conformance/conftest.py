"""Both turns of a scenario, for the tests that compare them and those that say where we differ on purpose."""

from __future__ import annotations

from typing import Protocol

import pytest

from tests.conformance.differential import Pair, run_pair
from tests.conformance.shared import made_once


class PairOf(Protocol):
    """What makes the pair of turns of a topic, or of one run of it."""

    def __call__(self, topic: str, only: str | None = None) -> Pair: ...


@pytest.fixture(scope="session")
def pair_of(tmp_path_factory: pytest.TempPathFactory) -> PairOf:
    """Return what makes the pair of turns of a topic, or of one run of it, once for all workers."""

    def made(topic: str, only: str | None = None) -> Pair:
        name = f"differential-{topic}-{only}" if only else f"differential-{topic}"
        return made_once(tmp_path_factory, name, lambda folder: run_pair(topic, folder, only))

    return made
