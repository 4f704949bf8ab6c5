"""Sticks that are full, read-only or pulled out where a folder is filled and emptied without a hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.errors import StorageError
from runstore.syncd.bundles import creating
from runstore.syncd.bundles.arrivals import facts_of
from runstore.syncd.bundles.carrier import Carrier
from runstore.syncd.bundles.fetcher import Fetcher
from runstore.syncd.bundles.keys import make
from runstore.syncd.bundles.mirroring import Mirror
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.outbox import Outbox
from runstore.syncd.mirrored import MirroredFolder
from runstore.syncd.remotes.bundle import BundleOptions
from runstore.syncd.remotes.configured import add_remote
from tests.commands import Bench
from tests.syncd.bundles.test_folder_target import HOUR, Place
from tests.syncd.faults import SmallDisk
from tests.timing import PATIENCE_SECONDS, eventually


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[SmallDisk]:
    """A stick of 100 kB."""
    disk = SmallDisk(tmp_path / "stick", 100)
    yield disk
    disk.unmount()


@pytest.fixture
def place(tmp_path: Path, stick: SmallDisk) -> Place:
    """Two runs of 200 kB, and the stick as the folder that they go to."""
    made = Place(tmp_path, BundleOptions(every_seconds=HOUR))
    made.out, made.outbox = stick.place, Outbox("out", stick.place, BundleOptions(every_seconds=HOUR))
    for name in ("r1", "r2"):
        log = made.log(name, range(10))
        (log.parent / "files").mkdir()
        (log.parent / "files" / "noise").write_bytes(random.Random(name).randbytes(100_000))
    return made


def test_a_bundle_that_finds_no_room_is_written_once_there_is_some(place: Place, stick: SmallDisk) -> None:
    for _ in range(2):
        with pytest.raises(StorageError, match="No space left on device"):
            place.work()
        assert list(stick.place.iterdir()) == []
    stick.remount("size=1m")
    assert place.work(1).created is not None  # it is still due
    stick.remount("ro")
    place.log("r1", range(20))
    with pytest.raises(StorageError, match="Read-only file system"):
        place.work(HOUR)
    stick.remount("rw")
    assert place.work(1).created is not None
    place.carry()
    assert place.is_same_outside()
    place.work(1)
    assert place.parts() == []


def test_receipts_are_taken_from_a_stick_that_nothing_can_be_written_to(place: Place, stick: SmallDisk) -> None:
    stick.remount("size=1m")
    place.work()
    place.carry()
    stick.remount("ro")
    assert len(place.work(1).proven) == 2
    (what, _) = place.ready()
    assert (found := place.outbox.proven(what)) is not None
    assert found.size == what.end


def test_a_daemon_that_finds_no_room_says_so_and_goes_on_with_the_rest(place: Place, stick: SmallDisk) -> None:
    carrier = Carrier("out", stick.place, BundleOptions(every_seconds=HOUR), look_seconds=0.01)
    for what in place.ready():
        carrier.give(what)
    carrier.start()
    eventually(lambda: "No space left" in carrier.status()["last_error"])
    stick.remount("size=1m")
    carrier.resume()
    eventually(lambda: carrier.status()["bytes_sent"])
    eventually(lambda: carrier.status()["last_error"] == "")
    carrier.stop(PATIENCE_SECONDS)


def test_receipts_that_find_no_room_wait_in_the_folder_of_runs_until_there_is_some(
    place: Place, stick: SmallDisk, tmp_path: Path
) -> None:
    stick.remount("size=1m")
    place.work()
    stick.remount("ro")
    into = place.folder / "outside" / "wandb"
    mirror = Mirror(stick.place, into, Trust())
    mirror.look()
    (receipt,) = mirror.look().receipts.values()
    assert receipt.parent == into
    assert place.is_same_outside()
    mirror.look()
    stick.remount("rw")
    other = tmp_path / "other"
    other.write_text("mine")
    (stick.place / f".{receipt.name}.fresh").symlink_to(other)  # where the receipt is written at first
    mirror.look()
    assert (stick.place / receipt.name).read_bytes() == receipt.read_bytes()
    assert other.read_text() == "mine"


def test_a_stick_that_is_pulled_out_while_it_is_emptied(place: Place, tmp_path: Path) -> None:
    stick = SmallDisk(tmp_path / "other", 1000)
    place.out, place.outbox = stick.place, Outbox("out", stick.place, BundleOptions(every_seconds=HOUR))
    place.work()
    mirror = Mirror(stick.place, place.folder / "outside" / "wandb", Trust())
    mirror.look()

    def pull(size: int) -> None:
        for part in place.parts():
            part.unlink()  # whoever reads it still can, but nobody finds it any more

    mirror.look(pull)
    stick.unmount()
    mirror.look()  # where it was mounted, there is an empty folder
    stick.place.rmdir()
    with pytest.raises(StorageError, match="mount it"):
        mirror.look()
    assert place.is_same_outside()


def test_a_place_for_runs_that_is_full_takes_the_bundle_when_there_is_room(tmp_path: Path, stick: SmallDisk) -> None:
    place = Place(tmp_path, BundleOptions(every_seconds=HOUR))
    log = place.log("r1", range(10))
    (log.parent / "files").mkdir()
    (log.parent / "files" / "noise").write_bytes(random.Random(1).randbytes(200_000))
    place.work()
    fetcher = Fetcher(MirroredFolder(place.out, into=str(stick.place / "wandb")), look_seconds=0.01)
    fetcher.start()
    eventually(lambda: "make room" in fetcher.status()["last_error"])
    assert list(place.out.glob("*.receipt.json")) == []
    stick.remount("size=100m")
    fetcher.hurry()
    eventually(lambda: list(place.out.glob("*.receipt.json")))
    fetcher.stop(PATIENCE_SECONDS)


def test_sealed_and_signed_parts_come_to_a_hub_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And while the hub is down, nothing is lost, and nothing is said to have arrived."""
    monkeypatch.setattr(creating, "LEAST_PIECE_BYTES", 1000)
    bench = Bench(tmp_path)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    (cluster, cluster_pub), (lab, lab_pub) = make(tmp_path, "cluster"), make(tmp_path, "lab")
    options = BundleOptions(size=40_000, sign=str(cluster), recipients=(str(lab_pub),), trust=(str(lab_pub),))
    place = Place(tmp_path, options)
    log = place.log("r1", range(10))
    (log.parent / "files").mkdir()
    (log.parent / "files" / "noise").write_bytes(random.Random(1).randbytes(60_000))
    place.work()
    parts = sorted(place.out.glob("*.sealed"))
    assert len(parts) == 3
    token = bench.runstore("hub", "token", "create", "t", "--data", "hub").stdout.strip()
    with bench.hub_process() as (url, _):
        pass
    add_remote("lab", url, token)
    link = tmp_path / "link"
    link.mkdir()
    folder = MirroredFolder(link, hub="lab", trust=(str(cluster_pub),), key=str(lab), sign=str(lab))
    fetcher = Fetcher(folder, look_seconds=0.01)
    fetcher.start()
    parts[0].rename(link / parts[0].name)
    eventually(lambda: "no answer" in fetcher.status()["last_error"])
    assert facts_of(folder)["bundles"] == 0
    with bench.hub_process(int(url.rpartition(":")[2])):
        fetcher.hurry()
        eventually(lambda: facts_of(folder)["waiting"])
        for part in parts[1:]:
            part.rename(link / part.name)
        (receipt,) = eventually(lambda: list(link.glob("*.receipt.json")))
        eventually(lambda: fetcher.status()["last_error"] == "")
        fetcher.stop(PATIENCE_SECONDS)
        assert [run["id"] for run in bench.json("runs", "list", "--remote", "lab")] == ["r1"]
    receipt.rename(place.out / receipt.name)
    ((what, _, proven),) = place.work(1).proven
    assert (proven.size, proven.files_left) == (what.end, 0)
    assert not list((tmp_path / "home" / "relayed").rglob("noise*"))
