"""What may be asked of a daemon: by commands and signals, answered in threads, done by its main thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runstore.errors import DaemonError, SettingsError
from runstore.syncd import configuration, steering
from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.control import ask
from runstore.syncd.courier import Courier
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy
from runstore.syncd.steering import Steering
from runstore.syncd.suspends import Suspends
from runstore.syncd.targets import Targets
from tests.commands import reserved_port
from tests.syncd.hubs import RunningHub
from tests.timing import PATIENCE_SECONDS, eventually


class Bridge:
    """A daemon's main thread that only steers."""

    def __init__(self, home: Path, *remotes: str) -> None:
        home.mkdir(exist_ok=True)
        self.home = home
        self.wanted = FanOut.of(Configuration((WatchedRoot(home),)), dict.fromkeys(remotes, Policy()))
        self.error: Exception | None = None
        self.is_busy = False
        self.woken, self.stopping = threading.Event(), threading.Event()
        self.targets = Targets(self.wanted, Courier)
        self.steering = Steering(
            home, self.targets, self.load, wake=self.woken.set, figures=lambda: "runstore_x 1\n", commands={}
        )
        self.applied: list[FanOut] = []
        self.thread = threading.Thread(target=self.work)

    def load(self) -> FanOut:
        if self.error is not None:
            raise self.error
        return self.wanted

    def work(self) -> None:
        while not self.stopping.is_set():
            self.woken.wait(0.05)
            self.woken.clear()
            found = None if self.is_busy else self.steering.news()
            if found is not None:
                self.targets.apply(found, [])
                self.applied.append(found)
                self.steering.applied(found)


@pytest.fixture
def bridge(tmp_path: Path, hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    monkeypatch.setattr(steering, "APPLY_SECONDS", PATIENCE_SECONDS)
    made = Bridge(tmp_path / "home", "lab", "home")
    made.steering.start(0)
    made.thread.start()
    yield made
    made.stopping.set()
    made.thread.join()
    made.steering.stop()
    made.targets.stop(1.0)


def reload(bridge: Bridge) -> dict[str, Any]:
    return ask(bridge.home, "reload", seconds=2 * PATIENCE_SECONDS)  # longer than the main thread is waited for


def test_a_reload_is_answered_when_the_main_thread_has_done_it(bridge: Bridge) -> None:
    root = WatchedRoot(Path("/data"), remotes=("gone",))
    bridge.wanted = FanOut.of(Configuration((root,)), {"other": Policy()})
    answer = reload(bridge)
    assert answer["reloaded"]
    assert (answer["watching"], answer["targets"]) == (["/data"], [])
    assert "is to go to gone" in answer["problems"][0]
    assert bridge.applied == [bridge.wanted]


def test_a_main_thread_that_is_busy_comes_to_it_later(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "APPLY_SECONDS", 0.1)
    bridge.is_busy = True
    assert ask(bridge.home, "reload")["reloaded"] is False
    bridge.is_busy = False
    monkeypatch.setattr(steering, "APPLY_SECONDS", PATIENCE_SECONDS)
    assert reload(bridge)["reloaded"] is True


def test_settings_that_can_not_be_read_are_told_and_it_goes_on_by_the_old_ones(bridge: Bridge) -> None:
    bridge.error = SettingsError("daemon.json: is damaged")
    with pytest.raises(DaemonError, match="is damaged"):
        reload(bridge)
    bridge.steering.ask_to_reload()  # as a signal does, which can't be answered
    eventually(bridge.steering.problems)
    assert bridge.steering.problems() == ["daemon.json: is damaged"]
    assert bridge.applied == []
    bridge.error = None
    assert reload(bridge)["problems"] == []


def test_pausing_is_kept_and_told(bridge: Bridge) -> None:
    assert ask(bridge.home, "pause", remote="lab") == {"paused": ["lab"]}
    assert configuration.load().paused == ("lab",)
    assert {one["name"]: one["state"] == "paused" for one in bridge.targets.status()} == {"home": False, "lab": True}
    assert ask(bridge.home, "pause") == {"paused": ["home", "lab"]}
    assert ask(bridge.home, "resume") == {"resumed": ["home", "lab"]}
    assert configuration.load().paused == ()
    with pytest.raises(DaemonError, match="no remote 'lob'; to home, lab"):
        ask(bridge.home, "pause", remote="lob")


def test_figures_are_had_from_the_socket_and_at_a_port_that_was_asked_for(bridge: Bridge) -> None:
    assert ask(bridge.home, "metrics") == {"text": "runstore_x 1\n"}
    with reserved_port() as port:
        bridge.wanted = FanOut.of(Configuration(metrics_port=port), {})
        reload(bridge)
        url = f"http://127.0.0.1:{port}/metrics"
        assert httpx.get(url, timeout=PATIENCE_SECONDS).text == "runstore_x 1\n"
        bridge.wanted = FanOut.of(Configuration(), {})
        reload(bridge)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, timeout=PATIENCE_SECONDS)


def test_a_port_that_is_taken_stops_nothing_and_is_told(bridge: Bridge, hub: RunningHub) -> None:
    taken = int(hub.url.rpartition(":")[2])
    bridge.wanted = FanOut.of(Configuration(metrics_port=taken), {})
    answer = reload(bridge)
    assert answer["reloaded"]
    assert f"metrics port {taken} can't be had" in answer["problems"][0]


def test_a_sleep_of_the_machine_is_noticed_once_and_a_clock_that_is_set_is_not() -> None:
    awake, always = [100.0], [5000.0]
    suspends = Suspends(lambda: awake[0], lambda: always[0])
    assert suspends.slept() == 0
    awake[0], always[0] = 101.0, 5001.0
    assert suspends.slept() == 0
    awake[0], always[0] = 102.0, 8602.0
    assert suspends.slept() == 3600.0
    assert suspends.slept() == 0
    assert Suspends().slept() < 1.0
