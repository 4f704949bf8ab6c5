"""A folder for bundles as a target: what is written there, when, and what the receipts that come back do."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from runstore.errors import StorageError, UsageError
from runstore.index.indexer import Indexer
from runstore.paths import find_logs
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.bundles.importing import Import
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.outbox import Outbox, Round
from runstore.syncd.delivery import Ready, ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.foretelling import foretold
from runstore.syncd.remotes.bundle import BundleOptions, parse_every
from runstore.syncd.remotes.configured import add_remote, find_remote, load_remotes, open_remote
from runstore.syncd.standing import AtTarget
from runstore.syncd.standings import Standings
from tests.index.writing import log_path, plain_rows, write_log
from tests.syncd.bundles.sites import answers

HOUR = 3600.0


class Place:
    """Runs below a folder, a folder for bundles, and an importer that empties it."""

    def __init__(self, folder: Path, options: BundleOptions) -> None:
        self.folder, self.out, self.now = folder, folder / "out", 1_000_000.0
        self.out.mkdir()
        self.outbox = Outbox("out", self.out, options)

    def log(self, name: str, rows: range, seed: int = 1) -> Path:
        """Record a run anew, with these rows."""
        log = log_path(self.folder / "inside", name, name)
        log.unlink(missing_ok=True)
        return write_log(self.folder / "inside", plain_rows(rows, seed=seed), name, name)

    def ready(self) -> list[Ready]:
        indexer = Indexer(self.folder / "inside.db")
        try:
            indexer.catch_up_below(self.folder / "inside")
            found = [ready(indexer, log) for log in find_logs(self.folder / "inside")]
        finally:
            indexer.close()
        return [one for one in found if one is not None]

    def work(self, seconds: float = 0.0, *, is_asked: bool = False) -> Round:
        self.now += seconds
        return self.outbox.work(self.ready(), self.now, is_asked=is_asked)

    def parts(self) -> list[Path]:
        return sorted(self.out.glob("*.tar.zst"))

    def carry(self) -> list[Path]:
        """Import what lies in the folder, and leave receipts there."""
        into = self.folder / "outside" / "wandb"
        into.mkdir(parents=True, exist_ok=True)
        with Import(into, Trust()) as importing:
            importing.take(self.parts())
            assert not importing.errors
            assert not any(one.waiting or one.refused for one in importing.bundles.values())
            return list(importing.write_receipts(self.out).values())

    def is_same_outside(self) -> bool:
        inside, outside = self.folder / "inside" / "wandb", self.folder / "outside" / "wandb"
        return answers(inside, self.folder / "a.db") == answers(outside, self.folder / "b.db")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, BundleOptions(every_seconds=HOUR))


def test_a_bundle_is_written_at_an_interval_and_only_of_what_is_new(place: Place) -> None:
    place.log("r1", range(10))
    first = place.work()
    assert first.created is not None
    assert place.work(HOUR - 1).created is None
    assert place.work(2).created is None  # it is time, and there is nothing new
    place.log("r1", range(30))
    assert place.work(60).created is None
    second = place.work(HOUR)
    assert second.gathered is not None
    ((log,),) = [run.logs for run in second.gathered.runs]
    assert log.before.size > 0
    assert second.gathered.previous == first.created.bundle
    place.carry()
    assert place.is_same_outside()


def test_enough_that_is_new_does_not_wait_for_its_time(tmp_path: Path) -> None:
    place = Place(tmp_path, BundleOptions(every_seconds=HOUR, size=1 << 20))
    place.log("r1", range(10))
    place.work()
    place.log("r2", range(20_000))
    assert place.work(1).created is not None
    assert all(part.stat().st_size <= 1 << 20 for part in place.parts())


def test_receipts_prove_and_free_what_was_written(place: Place) -> None:
    log = place.log("r1", range(10))
    (log.parent / "files").mkdir()
    (log.parent / "files" / "a.txt").write_text("a")
    place.work()
    (what,) = place.ready()
    assert (place.outbox.awaited(what), place.outbox.proven(what)) == (what.end, None)
    place.carry()
    done = place.work(1)
    ((proven, identity, receipt),) = done.proven
    assert (proven.log, receipt.size, receipt.remote, receipt.files_left) == (what.log, what.end, "out", 0)
    assert identity.startswith("bundle:")
    assert place.parts() == []  # their receipt has come
    assert place.work(HOUR).created is None
    place.log("r1", range(20))
    again = place.work(HOUR)
    assert again.gathered is not None
    assert not any(log.files for run in again.gathered.runs for log in run.logs)
    assert place.carry() != []
    assert place.is_same_outside()


def test_what_is_taken_away_is_not_written_again_until_a_receipt_is_given_up(place: Place) -> None:
    place.log("r1", range(10))
    place.work()
    for part in place.parts():
        part.unlink()
    for _ in range(24):
        assert place.work(HOUR).created is None
    place.log("r2", range(10))
    more = place.work(HOUR)
    assert more.gathered is not None
    assert [run.run_id for run in more.gathered.runs] == ["r2"]
    again = place.work(8 * 24 * HOUR)
    assert again.gathered is not None
    assert [run.run_id for run in again.gathered.runs] == ["r1", "r2"]
    assert not any(log.before.size for run in again.gathered.runs for log in run.logs)


def test_a_receipt_for_other_bytes_proves_nothing(place: Place) -> None:
    log = place.log("r1", range(10))
    place.work()
    place.carry()
    log.write_bytes(log.read_bytes()[:-1] + b"x")
    done = place.work(1)
    assert done.proven == []
    assert any("other bytes" in note for note in done.notes)


def test_one_way_bundles_hold_everything_and_the_last_two_stay(tmp_path: Path) -> None:
    place = Place(tmp_path, BundleOptions(every_seconds=HOUR, one_way=True))
    for number in range(4):
        place.log(f"r{number}", range(10))
        done = place.work(HOUR)
        assert done.gathered is not None
        assert len(done.gathered.runs) == number + 1
        assert not done.gathered.previous
    assert len(place.parts()) == 2
    assert place.work(HOUR).created is None  # the same content is there
    read: list[int] = []
    place.outbox.work(place.ready(), place.now + HOUR, progress=read.append)
    assert read == []  # to know that, nothing is read
    place.carry()
    assert place.is_same_outside()
    for part in place.parts():
        part.unlink()
    assert place.work(2 * HOUR).created is not None  # on its way, and nobody will ever say whether it came
    assert len(place.parts()) == 1


def test_what_was_lost_is_written_again_though_nothing_has_changed(place: Place) -> None:
    place.log("r1", range(10))
    first = place.work().created
    for part in place.parts():
        part.unlink()
    again = place.work(8 * 24 * HOUR).created
    assert first is not None
    assert again is not None
    assert again.bundle == first.bundle
    assert len(place.parts()) == 1


def test_what_is_asked_for_is_written_at_once_by_whoever_asks(place: Place) -> None:
    place.log("r1", range(10))
    place.work()
    place.log("r2", range(10))
    other = Outbox("out", place.out, BundleOptions(every_seconds=HOUR))
    assert other.work(place.ready(), place.now, is_asked=True).created is not None
    assert place.work(is_asked=True).created is None  # the daemon has seen it
    assert len(place.parts()) == 2


def test_a_folder_that_is_not_there_is_said_and_nothing_is_made(place: Place) -> None:
    place.log("r1", range(10))
    place.out.rmdir()
    with pytest.raises(StorageError, match="mount it"):
        place.work()
    assert not place.out.exists()


def test_a_ledger_that_is_lost_costs_a_second_writing_and_nothing_else(place: Place) -> None:
    place.log("r1", range(10))
    place.work()
    for path in (place.folder / "home").rglob("bundles/*.json"):
        path.write_text("{ not json")
    assert Outbox("out", place.out, BundleOptions()).work(place.ready(), place.now).created is not None
    place.carry()
    assert place.is_same_outside()


def test_how_bundles_are_written_is_kept_with_the_remote(tmp_path: Path) -> None:
    options = BundleOptions(
        every_seconds=60, size=5_000_000, one_way=True, sign="/k", recipients=("/r",), trust=("/t",)
    )
    add_remote("out", str(tmp_path), "", "bundle", bundles=options)
    assert find_remote("out").bundles == options
    assert load_remotes()["out"].url == str(tmp_path)
    with pytest.raises(UsageError, match="folder for bundles"):
        open_remote("out")
    with pytest.raises(UsageError, match="no folder for bundles"):
        add_remote("lab", "http://127.0.0.1:1", "t", "hub", bundles=options)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("30m", 1800.0), ("1h", HOUR), ("1.5 d", 36 * HOUR)])
def test_times_are_read(text: str, seconds: float) -> None:
    assert parse_every(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "1 week"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="look like"):
        parse_every(text)


@pytest.mark.parametrize("one_way", [False, True])
def test_what_failed_does_not_wait_for_its_time(tmp_path: Path, one_way: bool) -> None:
    place = Place(tmp_path, BundleOptions(every_seconds=HOUR, one_way=one_way))
    place.log("r1", range(10))
    place.work()
    place.log("r2", range(10))
    place.now += HOUR

    def interrupted(size: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        place.outbox.work(place.ready(), place.now, pace=interrupted)
    assert len(list(place.out.iterdir())) == 1
    assert place.work(1).created is not None


def test_bytes_that_go_to_the_folder_are_told_so_that_a_limit_can_hold_them_back(place: Place) -> None:
    place.log("r1", range(10))
    log = place.log("r2", range(10))
    (log.parent / "files").mkdir()
    (log.parent / "files" / "noise").write_bytes(random.Random(1).randbytes(3_000_000))
    told: list[int] = []
    done = place.outbox.work(place.ready(), place.now, pace=told.append)
    assert done.created is not None
    assert 2_500_000 < sum(told) <= done.created.bytes


def test_what_is_written_is_not_foretold_to_be_written_again(place: Place) -> None:
    add_remote("out", str(place.out), "", "bundle")
    place.log("r1", range(10))

    def waiting() -> list[int]:
        indexer = Indexer(place.folder / "inside.db")
        logs = find_logs(place.folder / "inside")
        with contextlib.closing(indexer):
            return [run.log_bytes for run in foretold(indexer, logs, "out").runs]

    (all_of_it,) = waiting()
    assert all_of_it > 0
    place.work()
    assert waiting() == [0]
    place.carry()
    place.work(1)
    assert waiting() == [0]


def test_what_goes_one_way_is_settled_and_never_delivered(place: Place) -> None:
    options = BundleOptions(one_way=True)
    add_remote("out", str(place.out), "", "bundle", bundles=options)
    place.log("r1", range(10))

    def at() -> AtTarget:
        indexer = Indexer(place.folder / "inside.db")
        with contextlib.closing(indexer):
            (log,) = Standings(indexer.connection, FanOut.load()).logs()
        assert log.is_settled == (log.at["out"].state == "written one way")
        return log.at["out"]

    outbox = Outbox("out", place.out, options)
    ready = place.ready()
    assert at().state == "unwatched"
    created = outbox.work(ready, place.now).created
    assert created is not None
    assert (at().state, at().bundle, at().bytes, at().verified_at) == ("written one way", created.bundle, 0, 0.0)
    place.log("r1", range(20))
    place.ready()
    assert (at().state, at().bundle) == ("unwatched", "")
