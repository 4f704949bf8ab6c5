"""What becomes of proofs in the daemon: the index knows them, and what is whole everywhere is marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from runstore.index.indexer import Indexer
from runstore.syncd import receipts
from runstore.syncd.courier import Courier, Standing
from runstore.syncd.delivery import Ready, ready
from runstore.syncd.policy import Policy
from runstore.syncd.receipts import Receipt
from runstore.syncd.settling import WRITE_SECONDS, Settling
from runstore.syncd.stamps import stamp_of
from tests.index.writing import exit_record, plain_rows, write_log

VERIFIED = Standing("verified", 1, 1, 1, "", None)


@dataclass
class Told:
    """In a courier's place: what it says of every log is what a test tells it to say."""

    name: str
    standing_of_all: Standing | None = VERIFIED
    policy: Policy = field(default_factory=Policy)
    takes_runs: bool = False

    def standing(self, log: Path) -> Standing | None:
        return self.standing_of_all


class Desk:
    """Settling with an index, one run that has ended, and couriers that a test has a say in."""

    def __init__(self, folder: Path, indexer: Indexer, end: Sequence[bytes] = (exit_record(),)) -> None:
        self.indexer = indexer
        self.log = write_log(folder, [*plain_rows(range(5)), *end])
        self.couriers = [Told("lab")]
        self.now = 0.0
        self.settling = Settling(lambda what: cast("list[Courier]", self.couriers), lambda: self.now)
        indexer.catch_up_below(folder)
        what = ready(indexer, self.log)
        assert what is not None
        self.what = what
        self.known = {self.log: what}

    def prove(self, name: str = "lab", **other: Any) -> None:
        """Let a target prove all that there is, keep the receipt, and tell of it."""
        files = {p.name: stamp_of(p, p.stat().st_mtime_ns) for p in self.log.parent.glob("files/*")}
        whole = Receipt(name, self.what.end, "00" * 32, self.what.records, receipts.now(), files, {}, 0)
        receipt = replace(whole, **other)
        receipts.save(self.log, self.what.log_id, f"hub:{name}", receipt)
        self.settling.proven(self.what, f"hub:{name}", receipt)

    def work(self) -> None:
        """Let so much time go by that everything is due, and work."""
        self.now += WRITE_SECONDS
        self.settling.work(self.indexer, self.known)

    @property
    def is_marked(self) -> bool:
        return self.log.with_name(f"{self.log.name}.synced").exists()

    @property
    def rows(self) -> int:
        (count,) = self.indexer.connection.execute("SELECT count(*) FROM deliveries").fetchone()
        return int(count)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Indexer(tmp_path / "i.db")) as indexer:
        yield Desk(tmp_path, indexer)


def test_a_proof_is_in_the_index_soon_and_the_run_is_marked(desk: Desk) -> None:
    desk.prove()
    desk.settling.work(desk.indexer, desk.known)
    assert desk.rows == 1
    assert desk.is_marked


def test_proofs_of_live_logs_are_gathered(desk: Desk) -> None:
    desk.settling.work(desk.indexer, desk.known)
    desk.prove()
    desk.settling.work(desk.indexer, desk.known)
    assert desk.rows == 0
    desk.work()
    assert desk.rows == 1


def test_it_is_marked_when_the_last_target_has_proven_it(desk: Desk) -> None:
    desk.couriers.append(Told("far", replace(VERIFIED, state="retrying")))
    desk.prove()
    desk.work()
    assert not desk.is_marked
    desk.couriers[1].standing_of_all = VERIFIED
    desk.prove("far")
    desk.work()
    assert desk.is_marked


@pytest.mark.parametrize(("standing", "is_marked"), [(VERIFIED, True), (replace(VERIFIED, state="queued"), False)])
def test_a_target_that_is_new_has_the_mark_taken_back_until_it_has_proven_it(
    desk: Desk, standing: Standing, is_marked: bool
) -> None:
    desk.prove()
    desk.work()
    desk.couriers.append(Told("far", standing))
    desk.settling.targets_changed(desk.known)
    assert desk.is_marked == is_marked


def test_a_target_that_was_never_given_the_log_has_not_proven_it(desk: Desk) -> None:
    desk.couriers.append(Told("far", None))
    desk.prove()
    desk.prove("far")
    desk.work()
    assert not desk.is_marked


def test_a_remote_that_says_so_keeps_the_mark_away(desk: Desk) -> None:
    desk.couriers[0].policy = Policy(marks_synced=False)
    desk.prove()
    desk.work()
    assert desk.rows == 1
    assert not desk.is_marked


def test_no_target_is_no_mark(desk: Desk) -> None:
    desk.prove()
    desk.couriers.clear()
    desk.work()
    assert not desk.is_marked


def test_what_is_still_to_be_brought_in_keeps_the_mark_away_until_it_is(desk: Desk) -> None:
    insert = "INSERT INTO rescues VALUES ((SELECT id FROM logs), 'md5-x', '/s', 'model', 'a', 1, ?, '', 0)"
    desk.indexer.connection.execute(insert, ("linked",))
    desk.prove()
    desk.work()
    assert not desk.is_marked
    desk.indexer.connection.execute("UPDATE rescues SET outcome = 'kept'")
    desk.work()
    assert desk.is_marked


def test_a_log_whose_process_died_is_not_marked_because_another_ended_the_run(tmp_path: Path) -> None:
    write_log(tmp_path, [*plain_rows(range(5, 9)), exit_record()], "b", kind="resume", started=2000.0)
    with closing(Indexer(tmp_path / "i.db")) as indexer:
        desk = Desk(tmp_path, indexer, end=())
        assert desk.what.has_ended
        desk.prove()
        desk.work()
        assert desk.rows == 1
        assert not desk.is_marked


def test_a_log_that_grew_while_no_daemon_ran_loses_its_mark(desk: Desk) -> None:
    desk.prove()
    desk.work()
    assert desk.is_marked
    grown: Ready = replace(desk.what, end=desk.what.end + 10)
    desk.settling.changed(desk.what, {}, 0.0)
    assert desk.is_marked
    desk.settling.changed(grown, {}, 0.0)
    assert not desk.is_marked


def test_a_log_that_vanished_meanwhile_is_no_trouble(desk: Desk) -> None:
    desk.prove()
    desk.log.unlink()
    desk.known.clear()
    desk.indexer.forget(desk.log)
    desk.work()
    assert not desk.is_marked
