"""Folders from which the daemon imports by itself: restarts, sticks that come and go, hubs that are down."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runstore.syncd.bundles.arrivals import facts_of
from runstore.syncd.bundles.fetcher import Fetcher
from runstore.syncd.bundles.keys import make
from runstore.syncd.mirrored import MirroredFolder
from runstore.syncd.remotes.bundle import BundleOptions
from tests.commands import Bench
from tests.syncd.bundles.test_folder_target import HOUR, Place
from tests.timing import PATIENCE_SECONDS, eventually


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, BundleOptions(every_seconds=HOUR))
    made.log("r1", range(10))
    return made


def mirrored(place: Place, **more: Any) -> MirroredFolder:
    """Return the folder that a place fills, as one that is imported."""
    return MirroredFolder(place.out, into=str(place.folder / "outside" / "wandb"), **more)


@contextlib.contextmanager
def fetching(folder: MirroredFolder) -> Iterator[Fetcher]:
    fetcher = Fetcher(folder, look_seconds=0.01)
    fetcher.start()
    try:
        yield fetcher
    finally:
        fetcher.stop(PATIENCE_SECONDS)


def receipts(place: Place) -> list[Path]:
    return list(place.out.glob("*.receipt.json"))


def test_what_appears_is_imported_and_known_after_a_restart(place: Place) -> None:
    place.work()
    folder = mirrored(place)
    with fetching(folder):
        (receipt,) = eventually(lambda: receipts(place))
        eventually(lambda: facts_of(folder)["bundles"] == 1)
    assert place.is_same_outside()
    receipt.unlink()  # as whoever carries it back may do
    with fetching(folder) as again:
        place.log("r2", range(5))
        place.work(HOUR)
        eventually(lambda: facts_of(folder)["bundles"] == 2 and receipts(place))
        assert len(receipts(place)) == 1  # the first bundle was not read again
        assert again.status()["last_error"] == ""
    assert place.is_same_outside()
    assert facts_of(folder)["refused"] == facts_of(folder)["waiting"] == {}


def test_where_all_that_came_was_deleted_it_is_imported_again(place: Place) -> None:
    place.work()
    folder = mirrored(place)
    with fetching(folder):
        eventually(lambda: facts_of(folder)["bundles"] == 1)
    shutil.rmtree(folder.into)
    with fetching(folder):
        eventually(lambda: len(receipts(place)) == 2)
    assert place.is_same_outside()


def test_what_is_refused_is_told_until_it_is_gone_or_mended(place: Place, tmp_path: Path) -> None:
    _, public = make(tmp_path, "cluster")
    place.work()
    (part,) = place.parts()
    folder = mirrored(place, trust=(str(public),))
    with fetching(folder):
        eventually(lambda: part.name in facts_of(folder)["refused"])
    assert "signed by nobody" in facts_of(folder)["refused"][part.name]
    assert receipts(place) == []
    with fetching(mirrored(place)):  # whoever changed the settings trusts it
        eventually(lambda: receipts(place))
        eventually(lambda: not facts_of(folder)["refused"])


def test_a_bundle_that_waits_for_another_is_told_of_until_that_comes(place: Place, tmp_path: Path) -> None:
    place.work()
    (first,) = place.parts()
    first.rename(tmp_path / first.name)
    place.log("r1", range(20))
    place.work(HOUR)
    folder = mirrored(place)
    with fetching(folder):
        eventually(lambda: facts_of(folder)["waiting"])
    assert "the bundle before" in facts_of(folder)["waiting"]["p/r1"]
    with fetching(folder):
        (tmp_path / first.name).rename(first)
        eventually(lambda: facts_of(folder)["bundles"] == 2)
    assert facts_of(folder)["waiting"] == {}
    assert place.is_same_outside()


def test_a_folder_that_comes_and_goes(place: Place, tmp_path: Path) -> None:
    place.work()
    place.out.rename(tmp_path / "elsewhere")
    with fetching(mirrored(place)) as fetcher:
        eventually(lambda: "mount it" in fetcher.status()["last_error"])
        assert fetcher.status()["state"] == "waiting"
        (tmp_path / "elsewhere").rename(place.out)
        fetcher.hurry()
        eventually(lambda: receipts(place))
        eventually(lambda: fetcher.status()["last_error"] == "")
    assert place.is_same_outside()


def test_a_key_that_is_missing_is_said_and_looked_for_again(place: Place, tmp_path: Path) -> None:
    place.work()
    with fetching(mirrored(place, sign=str(tmp_path / "lab.key"))) as fetcher:
        eventually(lambda: "lab.key" in fetcher.status()["last_error"])
        make(tmp_path, "lab")
        fetcher.hurry()
        eventually(lambda: receipts(place))


def test_a_daemon_imports_by_itself_though_killed_and_says_what_it_refuses(place: Place, tmp_path: Path) -> None:
    place.work()
    bench = Bench(tmp_path)
    assert bench.sentence("bundle", "mirror", "remove", "out", code=3).endswith("there is none")
    bench.runstore("bundle", "mirror", "add", "out", "--into", "came/wandb")
    (mirror,) = bench.json("bundle", "mirror", "list")
    assert (mirror["folder"], mirror["into"]) == (str(place.out), str(tmp_path / "came" / "wandb"))
    (place.out / "runstore-broken.tar.zst").write_text("no bundle")
    bench.runstore("daemon", "start")
    eventually(lambda: (tmp_path / "came").exists())  # it has begun
    os.kill(bench.json("daemon", "status")["pid"], signal.SIGKILL)
    bench.runstore("daemon", "start")
    try:
        eventually(lambda: receipts(place))
        eventually(lambda: bench.json("daemon", "status")["totals"]["logs"] == 1)  # the watcher has found what came
        eventually(lambda: "! " + str(place.out / "runstore-broken.tar.zst") in bench.command("status").stdout)
    finally:
        bench.runstore("daemon", "stop")
    (mirror,) = bench.json("status", code=1)["mirrors"]
    assert (mirror["bundles"], mirror["waiting"], list(mirror["refused"])) == (1, {}, ["runstore-broken.tar.zst"])
    bench.runstore("bundle", "mirror", "remove", "out")
    assert bench.json("status")["mirrors"] == []


def test_what_a_folder_for_bundles_is_filled_with_is_not_imported_from_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.runstore("remote", "add", "out", "out", "--kind", "bundle")
    assert "out writes bundles there" in bench.sentence("bundle", "mirror", "add", "out", code=2)


def test_what_a_hub_refuses_has_no_receipt_and_is_told_and_tried_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    place.log("r2", range(5))
    bench = Bench(tmp_path)
    with bench.hub():
        log = place.log("r1", range(10), seed=2)
        bench.runstore("sync", str(log), "--remote", "lab", "--quiet")
        log.with_suffix(".runstore.json").unlink()
        place.log("r1", range(10))  # the same run, as the hub's log begins, and other bytes behind
        place.work()
        folder = MirroredFolder(place.out, hub="lab")
        with fetching(folder) as fetcher:
            (receipt,) = eventually(lambda: receipts(place))
            eventually(lambda: fetcher.status()["last_error"])
            assert list(facts_of(folder)["waiting"]) == ["p/r1"]
            assert "lab: " in facts_of(folder)["waiting"]["p/r1"]
            receipt.unlink()
            fetcher.hurry()
            eventually(lambda: receipts(place))  # the part is taken once more
    assert sorted(what.run for what, *_ in place.work(1).proven) == ["r2"]
