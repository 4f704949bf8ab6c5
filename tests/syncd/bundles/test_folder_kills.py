"""SIGKILL of whoever fills a folder with bundles, and of whoever empties it: whoever comes next completes it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from runstore.syncd.bundles import creating
from runstore.syncd.bundles.forwarding import Forwarding
from runstore.syncd.bundles.mirroring import Mirror
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.outbox import Outbox
from runstore.syncd.bundles.verifying import Verification
from runstore.syncd.remotes.bundle import BundleOptions
from runstore.syncd.remotes.configured import add_remote
from tests.commands import Bench
from tests.syncd.bundles.sites import contents, scratch
from tests.syncd.bundles.test_folder_target import HOUR, Place
from tests.syncd.bundles.test_kills import killed_at, moments

OPTIONS = BundleOptions(every_seconds=HOUR, size=40_000)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "LEAST_PIECE_BYTES", 1000)


def recorded(folder: Path) -> Place:
    """Return a place with two runs, one of which has a file that fills several parts."""
    place = Place(folder, OPTIONS)
    place.log("r1", range(10))
    log = place.log("r2", range(10))
    (log.parent / "files").mkdir()
    (log.parent / "files" / "noise").write_bytes(random.Random(1).randbytes(60_000))
    return place


def mirror(place: Place) -> Mirror:
    return Mirror(place.out, place.folder / "outside" / "wandb", Trust())


def look_twice(mirror: Mirror) -> None:
    """Take what lies there; the first look sees that it does not change."""
    mirror.look()
    taken = mirror.look()
    assert not taken.errors
    assert not any(one.refused or one.waiting for one in taken.bundles.values())


def start_over(folder: Path, kept: Path) -> None:
    """Make a folder what it was when it was kept."""
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)


@pytest.mark.parametrize("receipts_lie_there", [False, True])
def test_a_folder_whose_filling_is_killed_is_filled_by_the_next(
    monkeypatch: pytest.MonkeyPatch, receipts_lie_there: bool
) -> None:
    with scratch() as top:
        folder, kept = top / "place", top / "kept"
        folder.mkdir()
        monkeypatch.setenv("RUNSTORE_HOME", str(folder / "home"))
        place = recorded(folder)
        if receipts_lie_there:  # then they are taken in as well, and what they prove is removed
            place.work()
            look_twice(mirror(place))
            place.log("r1", range(30))
        ready, now = place.ready(), place.now + HOUR
        shutil.copytree(folder, kept)

        def work() -> None:
            Outbox("out", place.out, OPTIONS).work(ready, now)

        kills = 0
        for moment in moments(work, 20):
            start_over(folder, kept)
            kills += killed_at(moment, work)
            for path in place.parts():
                assert not Verification(Trust()).take(path).error
            outbox = Outbox("out", place.out, OPTIONS)
            outbox.work(ready, now, is_asked=True)
            look_twice(mirror(place))
            outbox.work(ready, now + 1)
            assert [outbox.proven(what).size for what in ready] == [what.end for what in ready]  # type: ignore[union-attr]
            assert place.is_same_outside()
            assert place.parts() == []
            assert not [path for path in place.out.iterdir() if path.name.startswith(".")]
        assert kills > 10  # what is loaded by then is not loaded again: some moments are never reached


def test_a_folder_whose_emptying_is_killed_is_emptied_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch() as top:
        folder, kept = top / "place", top / "kept"
        folder.mkdir()
        monkeypatch.setenv("RUNSTORE_HOME", str(folder / "home"))
        place = recorded(folder)
        place.work()
        look_twice(mirror(place))
        place.log("r1", range(30))
        place.work(HOUR)
        shutil.copytree(folder, kept)

        def work() -> None:
            look_twice(mirror(place))

        kills = 0
        for moment in moments(work, 20):
            start_over(folder, kept)
            kills += killed_at(moment, work)
            look_twice(mirror(place))
            assert place.is_same_outside()
            place.work(1)
            ready = place.ready()
            assert [place.outbox.proven(what).size for what in ready] == [what.end for what in ready]  # type: ignore[union-attr]
        assert kills > 10


def test_a_way_into_a_hub_that_is_killed_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub holds everything in the end, receipts say so, and nothing but logs stays on the way."""
    bench = Bench(tmp_path)
    place = recorded(tmp_path)
    place.work()
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    token = bench.runstore("hub", "token", "create", "t", "--data", "hub").stdout.strip()
    with bench.hub_process() as (url, _):
        add_remote("lab", url, token)
        relayed = Forwarding("lab").folder.parent

        def work() -> None:
            forwarding = Forwarding("lab")
            look_twice(Mirror(place.out, forwarding.folder, Trust(), forwarding=forwarding))

        kills = 0
        for moment in moments(work, 6):
            shutil.rmtree(relayed, ignore_errors=True)
            for path in (*place.out.glob("*.receipt.json"), *(tmp_path / "home" / "mirrors").glob("*.json")):
                path.unlink()
            kills += killed_at(moment, work)
            work()
            assert len(list(place.out.glob("*.receipt.json"))) == 1
            names = {Path(path).name for path in contents(relayed / "wandb")}
            assert {name for name in names if name[0] != "."} == {"run-r1.wandb", "run-r2.wandb"}
        assert kills > 2
        assert sorted(run["id"] for run in bench.json("runs", "list", "--remote", "lab")) == ["r1", "r2"]
        done = place.work(1)
        assert sorted(what.run for what, *_ in done.proven) == ["r1", "r2"]
