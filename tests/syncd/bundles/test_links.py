"""A folder that is filled on one side and emptied on the other: whatever is lost on the way, all of it arrives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.syncd.bundles import creating
from runstore.syncd.bundles.mirroring import Mirror
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.outbox import Outbox
from runstore.syncd.remotes.bundle import BundleOptions
from tests.syncd.bundles.sites import OwnRun, StockRun, scratch
from tests.syncd.bundles.test_folder_target import HOUR, Place

OPTIONS = BundleOptions(every_seconds=HOUR, size=40_000)
ONE_WAY = BundleOptions(every_seconds=HOUR, size=40_000, one_way=True)

steps = st.lists(
    st.sampled_from(
        ["log", "file", "change", "write", "write", "import", "import", "lose a part", "lose a receipt", "restart"]
    ),
    max_size=14,
)


class Link:
    """Two runs, a folder that an outbox fills, and a mirror that empties it."""

    def __init__(self, folder: Path, options: BundleOptions, chance: random.Random) -> None:
        self.place, self.options, self.chance = Place(folder, options), options, chance
        runs = folder / "inside" / "wandb"
        runs.mkdir(parents=True)
        self.runs: list[OwnRun | StockRun] = [StockRun(runs, "stock"), OwnRun(runs, "own")]
        for run in self.runs:
            run.grow(1)
        self.restart()

    def restart(self) -> None:
        """Have other processes go on."""
        self.place.outbox = Outbox("out", self.place.out, self.options)
        self.mirror = Mirror(self.place.out, self.place.folder / "outside" / "wandb", Trust())

    def look(self) -> None:
        """Empty the folder; a part that is new is seen first."""
        for _ in range(2):
            taken = self.mirror.look()
            assert not taken.errors
            assert not any(one.refused for one in taken.bundles.values())

    def lose(self, pattern: str) -> None:
        found = sorted(self.place.out.glob(pattern))
        if found:
            self.chance.choice(found).unlink()

    def do(self, step: str) -> None:
        run = self.chance.choice(self.runs)
        if step == "log":
            run.grow(self.chance.randint(1, 30))
        elif step == "file":
            run.put(f"media/{self.chance.randint(0, 5)}", self.chance.randbytes(self.chance.choice([0, 9, 60_000])))
        elif step == "change":
            run.put("notes.txt", self.chance.randbytes(5))
        elif step == "write":
            self.place.work(HOUR)
        elif step == "import":
            self.look()
        elif step == "restart":
            self.restart()
        else:
            self.lose("*.tar.zst" if step == "lose a part" else "*.receipt.json")


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "LEAST_PIECE_BYTES", 1000)


@given(steps=steps, seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_what_is_lost_on_the_way_is_written_again_until_all_is_proven(steps: list[str], seed: int) -> None:
    with scratch() as folder:
        link = Link(folder, OPTIONS, random.Random(seed))
        for step in steps:
            link.do(step)
        for run in link.runs:
            run.finish()
        link.place.now += OPTIONS.patience_seconds  # what was lost by now is given up
        for _ in range(3):
            link.place.work(HOUR)
            link.look()
        link.place.work(1)
        for what in link.place.ready():
            proven = link.place.outbox.proven(what)
            assert proven is not None
            assert (proven.size, proven.files_left) == (what.end, 0)
        assert link.place.is_same_outside()
        assert link.place.parts() == []


@given(steps=steps, seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_where_nothing_comes_back_the_next_bundle_brings_everything(steps: list[str], seed: int) -> None:
    with scratch() as folder:
        link = Link(folder, ONE_WAY, random.Random(seed))
        for step in steps:
            link.do(step)
        for run in link.runs:
            run.finish()
        link.place.work(HOUR)
        link.look()
        assert link.place.is_same_outside()
        assert not any(run.log.with_suffix(".runstore.json").exists() for run in link.runs)
