"""What goes wrong with a delivery is the target's fault, the log's own, or ours: each stays with whom it concerns."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runstore.errors import (
    RemoteConflict,
    RemoteFailed,
    RemoteRefused,
    RemoteUnfit,
    RemoteUnreachable,
    StorageError,
)
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.carrying import TURN_SECONDS, Carrying, Outcome, Work
from runstore.syncd.circuit import Position
from runstore.syncd.delivery import Ready
from runstore.syncd.line import Line
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.base import Target
from runstore.syncd.together import SMALL_BYTES
from runstore.syncd.upload import Cursor, State, Upload

Progress = Callable[[int], None]


def log_named(name: str) -> Ready:
    return Ready(Path(name), "00" * 32, 100, 1, name)


ONE, TWO = log_named("one"), log_named("two")


class Desk:
    """A lane's place, and its work: deliveries end as a test says, and what becomes of them is noted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.line = Line("http://127.0.0.1:9", Policy(), lambda: self.now, random.Random(7))
        work = Work("log", self.deliver, self.done, self.failed, self.sent, self.together)
        self.carrying = Carrying(self, self.line, work)
        self.uploads: dict[Path, Upload] = {}
        self.ends: dict[Path, Exception] = {}  # of a log's delivery
        self.batch: Exception | list[Ready] = []  # how a batch ends: with those that it delivers
        self.pieces: list[float] = []  # how long each takes
        self.are_others_waiting = False
        self.told: list[str] = []
        self.postponed: list[Path] = []

    def carry(self, *logs: Ready) -> list[State]:
        """Begin deliveries, carry them out, and return where they are then."""
        for what in logs:
            upload = self.uploads[what.log] = Upload(Cursor(what.end, what.records))
            upload.begun()
        self.carrying.carry(list(logs))
        return [self.uploads[what.log].state for what in logs]

    def deliver(self, what: Ready, remote: Target, progress: Progress) -> Outcome:
        for seconds in self.pieces:
            self.now += seconds
            progress(10)
        if what.log in self.ends:
            raise self.ends[what.log]
        return Outcome(Cursor(what.end, what.records))

    def together(self, logs: list[Ready], remote: Target, progress: Progress) -> dict[Path, Outcome]:
        if isinstance(self.batch, Exception):
            raise self.batch
        self.told += [f"together: {what.log}" for what in self.batch]
        return {what.log: Outcome(Cursor(what.end, what.records)) for what in self.batch}

    def done(self, what: Ready, outcome: Outcome) -> None:
        self.told.append(f"done: {what.log}")

    def failed(self, what: Ready, sentence: str) -> None:
        self.told.append(f"{what.log}: {sentence}")

    def sent(self, log: Path, size: int) -> None: ...

    def upload(self, log: Path) -> Upload | None:
        return self.uploads.get(log)

    def others_wait(self) -> bool:
        return self.are_others_waiting

    def postpone(self, log: Path, until: float) -> None:
        self.postponed.append(log)

    def settle(self, what: Ready, event: Callable[[Upload], None]) -> None:
        event(self.uploads[what.log])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path))
    monkeypatch.setenv("RUNSTORE_TOKEN", "a-token")  # of a target that is never asked
    desk = Desk()
    yield desk
    desk.line.close()


@pytest.mark.parametrize("error", [RemoteUnreachable("no route"), RemoteRefused("no token"), RemoteUnfit("too old")])
def test_trouble_of_the_target_stops_everything_and_is_no_fault_of_a_log(desk: Desk, error: Exception) -> None:
    desk.ends[ONE.log] = error
    assert desk.carry(ONE) == [State.QUEUED]
    assert (desk.line.circuit.position, desk.line.trouble) == (Position.OPEN, error)
    assert desk.carry(TWO) == [State.QUEUED]  # it is not even begun
    assert desk.told == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RemoteFailed("500"), State.RETRYING),
        (RemoteConflict("other bytes"), State.HELD),
        (StorageError("it ends too soon"), State.RETRYING),
        (OSError("can't be read"), State.RETRYING),
    ],
)
def test_what_is_wrong_with_a_log_holds_up_no_other(desk: Desk, error: Exception, state: State) -> None:
    desk.ends[ONE.log] = error
    assert desk.carry(ONE) == [state]
    assert (desk.line.circuit.position, desk.line.trouble) == (Position.CLOSED, None)
    assert desk.carry(TWO) == [State.VERIFIED]
    assert desk.told == [f"{ONE.log}: {error}", f"done: {TWO.log}"]


def test_a_mistake_of_ours_is_written_down_and_ends_no_delivery_but_this(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ends[ONE.log] = ZeroDivisionError("by 0")
    with caplog.at_level(logging.ERROR, "runstore.courier"):
        assert desk.carry(ONE) == [State.RETRYING]
    assert "ZeroDivisionError" in caplog.text
    assert desk.told == [
        f"{ONE.log}: an error in runstore itself (ZeroDivisionError: by 0); nothing is lost, and it is tried again"
    ]
    assert desk.carry(TWO) == [State.VERIFIED]


def test_what_a_batch_leaves_out_goes_by_itself(desk: Desk) -> None:
    desk.batch = [ONE]
    assert desk.carry(ONE, TWO) == [State.VERIFIED, State.VERIFIED]
    assert desk.told == ["together: one", "done: one", "done: two"]


@pytest.mark.parametrize("error", [RemoteFailed("500"), OSError("can't be read"), ZeroDivisionError()])
def test_each_log_of_a_batch_that_failed_goes_by_itself_until_it_is_done(desk: Desk, error: Exception) -> None:
    desk.batch, desk.ends[TWO.log] = error, StorageError("it ends too soon")
    assert desk.carry(ONE, TWO) == [State.VERIFIED, State.RETRYING]
    assert desk.told == ["done: one", "two: it ends too soon"]
    assert desk.carrying.fits_together(ONE.log, 100)
    assert not desk.carrying.fits_together(TWO.log, 100)
    desk.carrying.forget(TWO.log)
    assert desk.carrying.fits_together(TWO.log, 100)


def test_an_interrupted_batch_is_nobodys_fault(desk: Desk) -> None:
    desk.batch = Interrupted()
    assert desk.carry(ONE, TWO) == [State.VERIFIED, State.VERIFIED]
    assert desk.carrying.fits_together(ONE.log, 100)


def test_large_logs_and_probes_go_alone(desk: Desk) -> None:
    assert desk.carrying.fits_together(ONE.log, SMALL_BYTES)
    assert not desk.carrying.fits_together(ONE.log, SMALL_BYTES + 1)
    desk.line.circuit.unreachable("no route", now=0.0)
    assert desk.line.admits(now=60.0)
    assert not desk.carrying.fits_together(ONE.log, SMALL_BYTES)


def test_a_log_over_which_the_line_breaks_again_lets_another_be_the_probe(desk: Desk) -> None:
    desk.ends[ONE.log] = RemoteUnreachable("broken pipe")
    desk.carry(ONE)
    assert desk.postponed == []
    assert desk.line.admits(now=60.0)
    desk.carry(ONE)
    assert desk.postponed == [ONE.log]


@pytest.mark.parametrize(
    ("others", "seconds", "state"),
    [
        (True, TURN_SECONDS, State.QUEUED),
        (True, TURN_SECONDS / 2, State.VERIFIED),
        (False, TURN_SECONDS, State.VERIFIED),
    ],
)
def test_a_long_delivery_goes_on_after_others_if_any_wait(
    desk: Desk, others: bool, seconds: float, state: State
) -> None:
    desk.are_others_waiting, desk.pieces = others, [seconds]
    assert desk.carry(ONE) == [state]
    assert desk.uploads[ONE.log].error == ""
