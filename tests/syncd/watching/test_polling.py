"""How often logs are looked at, by a clock of the test; and what ten thousand finished runs cost."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runstore.syncd.watching import listening, polling, recent
from runstore.syncd.watching.following import ENDED_SECONDS, Following
from runstore.syncd.watching.looking import look
from runstore.syncd.watching.one_root import OneRoot
from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.polling import QUIET_SECONDS, YOUNG_SECONDS, Polling
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.sweep import Sweep
from runstore.syncd.watching.tree import Tree
from tests.syncd.watching.conftest import grow, log_in, new_log, run_directory
from tests.timing import Clock


@pytest.fixture
def clock(clock: Clock) -> Clock:
    """A clock on which some time has passed already."""
    clock.now = 1000.0
    return clock


def looks(watched: Polling, clock: Clock, seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return when a log is looked at, if somebody asks every quarter of a second."""
    times: list[float] = []
    begin = clock.now

    def noting(path: str, *, afresh: bool) -> os.stat_result | None:
        times.append(clock.now - begin)
        return look(path, afresh=afresh)

    with monkeypatch.context() as patch:
        patch.setattr(polling, "look", noting)
        while clock.now < begin + seconds:
            watched.look()
            clock.now += 0.25
    return times


def test_a_log_is_looked_at_each_second_then_more_seldom_but_every_ten(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = new_log(tmp_path)
    watched = Polling(clock)
    assert watched.follow(str(log), silent=True)
    assert looks(watched, clock, 5.0, monkeypatch) == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=0.3)
    clock.now += 3600.0
    assert len(looks(watched, clock, 60.0, monkeypatch)) == 6
    grow(log)
    clock.now += 3600.0
    assert watched.look() == [str(log)]
    assert len(looks(watched, clock, 5.0, monkeypatch)) == 4


def test_where_events_come_it_is_looked_every_ten_seconds(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Polling(clock)
    watched.follow(str(new_log(tmp_path)), silent=False)
    assert len(looks(watched, clock, 60.0, monkeypatch)) in (5, 6)
    watched.silence()
    assert len(looks(watched, clock, 10.0, monkeypatch)) in (3, 4)  # it was left alone for a minute


def test_a_killed_run_of_long_ago_is_not_followed(tmp_path: Path, clock: Clock) -> None:
    log = new_log(tmp_path)
    old = time.time() - QUIET_SECONDS - 60.0
    os.utime(log, (old, old))
    watched = Polling(clock)
    assert not watched.follow(str(log), silent=True)
    os.utime(log)
    assert watched.follow(str(log), silent=True)
    clock.now += QUIET_SECONDS / 2
    assert watched.quiet() == []
    clock.now += QUIET_SECONDS
    assert watched.quiet() == [str(log)]


def test_a_log_that_cannot_be_looked_at_counts_as_changed_once(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = new_log(tmp_path)
    watched = Polling(clock)
    watched.follow(str(log), silent=True)

    def broken(path: str, *, afresh: bool) -> None:
        raise OSError(errno.EIO, "Input/output error", path)

    with monkeypatch.context() as patch:
        patch.setattr(polling, "look", broken)
        clock.now += 20.0
        assert watched.look() == [str(log)]
        clock.now += 20.0
        assert watched.look() == []
    clock.now += 20.0
    assert watched.look() == [str(log)]


def test_a_run_directory_without_a_log_is_given_up_after_a_while(tmp_path: Path, clock: Clock) -> None:
    folder = run_directory(tmp_path)
    watched = Polling(clock)
    assert watched.expect(str(folder), silent=True) == []
    clock.now += 5.0
    assert watched.look() == []
    log = log_in(folder)
    clock.now += 10.0
    assert watched.look() == [str(log)]
    assert len(watched) == 0
    assert watched.expect(str(run_directory(tmp_path, "two")), silent=True) == []
    clock.now += YOUNG_SECONDS + 1.0
    assert watched.look() == []
    assert len(watched) == 0


def test_a_stale_handle_is_looked_up_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log(tmp_path)
    lstat, left = os.lstat, 1

    def stale(path: Any) -> os.stat_result:
        nonlocal left
        left -= 1
        if left >= 0:
            raise OSError(errno.ESTALE, "Stale file handle", path)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", stale)
    status = look(str(log), afresh=True)
    assert status is not None
    assert status.st_size == 9
    left = 2
    with pytest.raises(OSError, match="Stale"):
        look(str(log), afresh=False)


def test_a_file_that_is_not_ours_to_open_is_looked_at_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = new_log(tmp_path)

    def refused(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    status = look(str(log), afresh=True)
    assert status is not None
    assert status.st_size == 9
    assert look(str(tmp_path / "missing"), afresh=True) is None


def test_a_pipe_in_the_place_of_a_log_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run-x.wandb")
    assert look(str(tmp_path / "run-x.wandb"), afresh=True) is not None


def test_what_costs_much_is_done_seldom(clock: Clock) -> None:
    pace = Pace(2.0, 600.0, 0.01, clock)
    assert pace.is_due()
    with pace.measured():
        clock.now += 0.001
    assert pace.period == 2.0
    assert not pace.is_due()
    clock.now += 2.0
    assert pace.is_due()
    with pace.measured():
        clock.now += 0.5
    assert pace.period == pytest.approx(50.0)
    with contextlib.suppress(OSError), pace.measured():
        clock.now += 100.0
        raise OSError("away")
    assert pace.period == 600.0
    pace.hasten()
    assert pace.is_due()


def test_a_log_is_left_some_time_after_its_run_has_ended() -> None:
    following = Following()
    assert following.follow("a", True)
    assert not following.follow("a", True)
    assert following.take(0.0) == (["a"], [])
    following.follow("a", False)
    assert following.take(1.0) == ([], [])
    following.follow("a", False)  # read once more
    assert following.take(50.0) == ([], [])
    assert following.take(2.0 + ENDED_SECONDS) == ([], [])
    assert following.take(50.0 + ENDED_SECONDS) == ([], ["a"])
    assert following.live() == []
    following.follow("b", False)
    assert following.take(500.0) == ([], [])
    following.follow("c", True)
    following.gone("c")
    assert following.take(501.0) == ([], ["c"])


def test_a_sweep_comes_to_every_run(tmp_path: Path, clock: Clock) -> None:
    logs = {str(new_log(tmp_path / "wandb", f"r{number}")) for number in range(100)}
    (tmp_path / "run-loose.wandb").write_bytes(b"x")
    tree = Tree(Root(tmp_path))
    tree.look()
    sweep = Sweep(tree, clock)
    assert sweep.next() == []
    found: list[str] = []
    steps = 0
    while not found or len(found) < 101:
        clock.now += 30.0
        found += sweep.next()
        steps += 1
    assert set(found) == logs | {str(tmp_path / "run-loose.wandb")}
    assert steps == 17  # six in each of the thirty seconds


def asked_of_the_disk(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> Counter[str]:
    """Count what is asked of the file system while `work` is done."""
    counts: Counter[str] = Counter()

    def counting(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def counted(*arguments: Any, **more: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **more)

        return counted

    with monkeypatch.context() as patch:
        for name in ("stat", "lstat", "scandir", "listdir", "open"):
            patch.setattr(os, name, counting(name))
        work()
    return counts


class Silence:
    """A listener that hears nothing, and knows what it listens to."""

    def __init__(self) -> None:
        self.folders: set[str] = set()

    def watch(self, folder: str, busy: bool = False) -> None:
        self.folders.add(folder)

    def forget(self, folder: str) -> None:
        self.folders.discard(folder)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("silent", [True, False], ids=["polling", "events"])
def test_ten_thousand_finished_runs_are_not_asked_for(
    silent: bool, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project in range(10):
        for number in range(1000):
            os.makedirs(f"{tmp_path}/p{project}/wandb/offline-run-20240101_{number:06d}-r{project}x{number}")
    live = [str(new_log(tmp_path / "p0" / "wandb", f"live{number}")) for number in range(100)]
    monkeypatch.setattr("runstore.syncd.watching.tree.SETTLED_NS", -(10**18))  # what is there was there for long
    monkeypatch.setattr(listening, "why_silent", lambda folder: "it tells of nothing" if silent else "")
    noted: list[Path] = []
    listener = Silence()
    watched = OneRoot(Root(tmp_path), (), listener, noted.extend, clock)
    watched.tick()
    for log in live:
        watched.follow(log, True)
    watched.tick()
    assert noted == []
    assert len(listener.folders) == (0 if silent else 21 + 2 * recent.RECENT_RUNS)

    def a_minute() -> None:
        for _ in range(60):
            clock.now += 1.0
            watched.tick()

    counts = asked_of_the_disk(monkeypatch, a_minute)
    looks_at_places = 21 * (30 if silent else 1)
    looks_at_live_logs = 100 * (42 if silent else 6)  # each second, then every two and three
    looks_at_the_root = 60
    swept = 2 * 2 * 20
    assert counts["scandir"] + counts["listdir"] <= swept
    most = looks_at_places + looks_at_live_logs + looks_at_the_root + swept
    assert looks_at_live_logs // 2 <= counts["stat"] + counts["lstat"] <= most
