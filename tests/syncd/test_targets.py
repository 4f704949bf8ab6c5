"""Which courier gets which log, and what becomes of couriers when the configuration changes."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.courier import Courier
from runstore.syncd.delivery import Ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy
from runstore.syncd.targets import Targets
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, PROMPT_SECONDS

DATA = Path("/data")
LOG = DATA / "offline-run-20260101_000000-a" / "run-a.wandb"


class Recorded:
    """Stands for a courier, and notes what it is told; it delivers nothing."""

    made: list[Recorded]

    def __init__(self, name: str, policy: Policy) -> None:
        self.name, self.policy = name, policy
        self.has: dict[Path, Ready] = {}
        self.state = "new"
        self.is_paused = False
        self.stopped = threading.Event()
        Recorded.made.append(self)

    def start(self) -> None:
        self.state = "started"

    def stop(self, seconds: float) -> None:
        self.state = "stopped"
        self.stopped.set()

    def give(self, what: Ready) -> None:
        self.has[what.log] = what

    def forget(self, log: Path) -> None:
        self.has.pop(log, None)

    def standing(self, log: Path) -> Ready | None:
        return self.has.get(log)

    def set_policy(self, policy: Policy) -> None:
        self.policy = policy

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def status(self) -> dict[str, object]:
        return {"name": self.name}


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Recorded.made = []


def courier(name: str) -> Recorded:
    """Return the courier of this name that was made last."""
    return next(one for one in reversed(Recorded.made) if one.name == name)


def fan_out(*roots: WatchedRoot, paused: tuple[str, ...] = (), **policies: Policy) -> FanOut:
    urls = {name: f"http://{name}" for name in policies}
    return FanOut.of(Configuration(roots or (WatchedRoot(DATA),), paused), policies, urls)


def targets_of(wanted: FanOut) -> Targets:
    targets = Targets(wanted, lambda name, policy: cast(Courier, Recorded(name, policy)))
    targets.start()
    return targets


def ready(log: Path = LOG, **more: object) -> Ready:
    return replace(Ready(log, "id", 10, 1, "a", project="demo"), **more)  # type: ignore[arg-type]


def test_each_log_goes_to_those_that_want_it() -> None:
    targets = targets_of(fan_out(lab=Policy(), paper=Policy(tags=("paper",))))
    targets.give(ready())
    assert (list(courier("lab").has), list(courier("paper").has)) == ([LOG], [])
    assert [one.name for one in targets.wanting(ready())] == ["lab"]
    targets.give(ready(tags=("paper",)))
    assert list(courier("paper").has) == [LOG]
    targets.give(ready(tags=()))  # not any more
    assert list(courier("paper").has) == []
    targets.forget(LOG)
    assert list(courier("lab").has) == []


def test_another_policy_is_gone_by_from_now_on_for_what_was_given_before_too() -> None:
    targets = targets_of(fan_out(lab=Policy(projects=("other",))))
    known = [ready()]
    targets.give(known[0])
    before = courier("lab")
    assert not before.has
    targets.apply(fan_out(lab=Policy(projects=("demo",), at_once=2)), known)
    assert courier("lab") is before  # which knows what it has delivered
    assert before.policy.at_once == 2
    assert list(before.has) == [LOG]
    targets.apply(fan_out(lab=Policy(projects=("other",))), known)
    assert not before.has


def test_a_target_that_is_added_gets_all_and_one_that_is_removed_ends() -> None:
    targets = targets_of(fan_out(lab=Policy()))
    targets.give(ready())
    targets.apply(fan_out(home=Policy()), [ready()])
    assert list(courier("home").has) == [LOG]
    assert courier("home").state == "started"
    assert courier("lab").stopped.wait(PATIENCE_SECONDS)
    assert [one.name for one in targets] == ["home"]


@pytest.mark.parametrize("moved", [{"urls": {"lab": "http://elsewhere"}}, {"places": {"lab": ("wandb", "team", "")}}])
def test_a_name_that_means_another_place_begins_from_nothing(moved: dict[str, Any]) -> None:
    wanted = fan_out(lab=Policy())
    targets = targets_of(wanted)
    targets.give(ready())
    first = courier("lab")
    targets.apply(replace(wanted, **moved), [ready()])
    assert courier("lab") is not first
    assert list(courier("lab").has) == [LOG]
    assert first.stopped.wait(PATIENCE_SECONDS)


def test_what_is_paused_stays_so_over_a_restart_and_a_reload() -> None:
    targets = targets_of(fan_out(lab=Policy(), home=Policy(), paused=("lab",)))
    assert [courier(name).is_paused for name in ("lab", "home")] == [True, False]
    targets.resume(["lab"])
    targets.pause(["home", "unknown"])
    assert [courier(name).is_paused for name in ("lab", "home")] == [False, True]
    targets.apply(fan_out(lab=Policy(), home=Policy(), paused=("lab",)), [])
    assert [courier(name).is_paused for name in ("lab", "home")] == [True, False]


def test_a_folder_whose_remote_is_gone_is_told() -> None:
    targets = targets_of(fan_out(WatchedRoot(DATA, remotes=("gone",)), lab=Policy()))
    (problem,) = targets.problems()
    assert "/data: is to go to gone" in problem
    assert targets.status() == []


def test_all_stop_at_the_same_time_and_one_that_hangs_is_left() -> None:
    class Hanging(Recorded):
        def stop(self, seconds: float) -> None:
            self.stopped.wait(HANGS_SECONDS)

    made: list[Hanging] = []

    def make(name: str, policy: Policy) -> Courier:
        made.append(Hanging(name, policy))
        return cast(Courier, made[-1])

    targets = Targets(fan_out(a=Policy(), b=Policy(), c=Policy()), make)
    started = time.monotonic()
    targets.stop(0.2)
    assert time.monotonic() - started < PROMPT_SECONDS
    for one in made:
        one.stopped.set()
