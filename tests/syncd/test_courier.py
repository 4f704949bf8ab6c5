"""Couriers deliver by themselves, several logs at once; what goes wrong stays with whom it concerns, and passes."""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from runstore.paths import receipts_path
from runstore.syncd.courier import Courier, Standing
from runstore.syncd.delivery import Ready
from runstore.syncd.hours import QuietHours
from runstore.syncd.policy import Policy
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.configured import add_remote, remove_remote
from tests.syncd.hubs import RunningHub, hub_in_thread, log_id_of, random_bytes
from tests.syncd.wires import Wire, use
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, PROMPT_SECONDS, eventually

SIZE = 30_000


def make_log(folder: Path, name: str, size: int = SIZE) -> Ready:
    log = folder / "wandb" / f"offline-run-20250102_030405-{name}" / f"run-{name}.wandb"
    log.parent.mkdir(parents=True)
    data = random_bytes(size, seed=sum(name.encode()))
    log.write_bytes(data)
    return Ready(log, log_id_of(data), size, size // 1000, name)


def grown(what: Ready, size: int) -> Ready:
    with what.log.open("ab") as file:
        file.write(random_bytes(size, seed=size))
    end = what.end + size
    return Ready(what.log, what.log_id, end, end // 1000, what.run)


@contextmanager
def working(courier: Courier, *given: Ready) -> Iterator[Courier]:
    courier.start()
    for what in given:
        courier.give(what)
    yield courier
    courier.stop(PATIENCE_SECONDS)


def counters_of(hub: RunningHub) -> dict[str, int]:
    remote = hub.remote()
    counters = remote.counters()
    remote.close()
    return counters


def is_verified(courier: Courier, what: Ready) -> bool:
    standing = courier.standing(what.log)
    return standing is not None and standing.state == "verified" and standing.verified_bytes == what.end


def waiting(courier: Courier, what: Ready, state: str) -> Standing | None:
    """Return how a log stands that is in this state and waits to be tried again."""
    standing = courier.standing(what.log)
    return standing if standing is not None and standing.state == state and standing.retry_in else None


def all_verified(courier: Courier, logs: list[Ready]) -> bool:
    return all(is_verified(courier, what) for what in logs)


def test_of_three_targets_one_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    logs = [make_log(tmp_path, f"r{n}") for n in range(5)]
    with (
        hub_in_thread(tmp_path / "one") as one,
        hub_in_thread(tmp_path / "two") as two,
        socket.create_server(("127.0.0.1", 0)) as silent,  # takes connections and never answers
    ):
        add_remote("one", one.url, one.token)
        add_remote("two", two.url, two.token)
        add_remote("dead", f"http://127.0.0.1:{silent.getsockname()[1]}", "rs_x")
        add_remote("closed", "http://127.0.0.1:9", "rs_x")
        couriers = {name: Courier(name) for name in ("one", "dead", "closed", "two")}
        for courier in couriers.values():
            courier.start()
        for what in logs:
            for courier in couriers.values():
                courier.give(what)
        for name in ("one", "two"):
            eventually(functools.partial(all_verified, couriers[name], logs))
            assert couriers[name].status()["last_error"] == ""
        status = eventually(lambda: (seen := couriers["closed"].status())["last_error"] and seen["retry_in"] and seen)
        assert (status["state"], status["logs_waiting"]) == ("waiting", 5)
        assert "no answer" in status["last_error"]
        assert 0 < status["retry_in"] < 100
        for courier in couriers.values():
            courier.stop(0.2)
        for hub in (one, two):
            assert sorted(path.stat().st_size for path in hub.data.rglob("log.wandb")) == [SIZE] * 5


def test_several_logs_go_at_once_and_no_more_than_the_policy_says(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3)

    def meet(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        if request.method == "PUT":
            together.wait(PATIENCE_SECONDS)  # goes on only when three are here
        return hand_on()

    wire = Wire(meet)
    use(monkeypatch, {"lab": (hub, wire)})
    logs = [make_log(tmp_path, f"r{n}", 300_000) for n in range(6)]
    with working(Courier("lab", Policy(at_once=3)), *logs) as courier:
        eventually(lambda: all_verified(courier, logs))
    assert wire.most_at_once <= 3 + 3  # logs, and what lies beside them
    assert counters_of(hub)["log_bytes_accepted"] == 6 * 300_000


def test_a_growing_log_is_verified_again_and_again_and_told(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    told: list[tuple[str, int]] = []

    def proven(what: Ready, identity: str, receipt: Receipt) -> None:
        told.append((identity, receipt.size))

    what = make_log(tmp_path, "one")
    with working(Courier("lab", proven=proven), what) as courier:
        for _ in range(3):
            eventually(functools.partial(is_verified, courier, what))
            standing = courier.standing(what.log)
            assert standing is not None
            assert (standing.verified_bytes, standing.verified_records) == (what.end, what.records)
            what = grown(what, 5000)
            courier.give(what)
        eventually(lambda: is_verified(courier, what))
    assert {size for _, size in told} == {SIZE, SIZE + 5000, SIZE + 10_000, SIZE + 15_000}
    assert len({identity for identity, _ in told}) == 1
    assert hub.log_file(what.log_id).read_bytes() == what.log.read_bytes()


APPLIED_AND_500 = "applied, and answered 500"
APPLIED_AND_LOST = "applied, and the answer was lost"
LOST = "lost on the way"
TWICE = "arrived twice"
BUSY = "too busy"


@pytest.mark.parametrize("trouble", [APPLIED_AND_500, APPLIED_AND_LOST, LOST, TWICE, BUSY])
@pytest.mark.parametrize("at", ["GET /v1/hub", "GET /v1/logs", "PUT /v1/logs", "POST /v1/logs", "PUT /v1/blobs"])
def test_whatever_goes_wrong_once_the_log_arrives_by_itself_and_once(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, at: str
) -> None:
    left = [trouble]

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        if not (f"{request.method} {request.url.path}".startswith(at) and left):
            return hand_on()
        left.clear()
        if trouble == LOST:
            raise httpx.WriteError("broken pipe")
        if trouble == BUSY:
            return httpx.Response(503, headers={"Retry-After": "0"}, json={"error": "too much to do"})
        hand_on()
        if trouble == APPLIED_AND_LOST:
            raise httpx.ReadError("connection reset")
        return httpx.Response(500, json={"error": "the disk hung"}) if trouble == APPLIED_AND_500 else hand_on()

    wire = Wire(upset)
    use(monkeypatch, {"lab": (hub, wire)})
    what = make_log(tmp_path, "one", 300_000)
    (what.log.parent / "files").mkdir()
    (what.log.parent / "files" / "notes.txt").write_text("by hand")
    with working(Courier("lab"), what) as courier:
        eventually(lambda: is_verified(courier, what))
        assert courier.status()["last_error"] == ""
    assert left == []
    counters = counters_of(hub)
    assert (counters["log_bytes_accepted"], counters["blobs"] >= 1) == (300_000, True)
    assert hub.log_file(what.log_id).read_bytes() == what.log.read_bytes()


def test_a_target_is_left_alone_as_long_as_it_asks_for(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return httpx.Response(429, headers={"Retry-After": "3"}, json={"error": "too many requests"})
        return hand_on()

    use(monkeypatch, {"lab": (hub, Wire(upset))})
    logs = [make_log(tmp_path, f"r{n}") for n in range(4)]
    with working(Courier("lab", Policy(at_once=1)), *logs) as courier:
        eventually(lambda: all_verified(courier, logs))
    first, second = asked[:2]
    assert second - first >= 3


def test_a_log_that_the_hub_fails_over_waits_by_itself(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = make_log(tmp_path, "bad", 300_000)
    heals = threading.Event()

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        if bad.log_id in request.url.path and request.method == "PUT" and not heals.is_set():
            return httpx.Response(500, json={"error": "the hub failed over this request"})
        return hand_on()

    use(monkeypatch, {"lab": (hub, Wire(upset))})
    with working(Courier("lab"), bad) as courier:
        standing = eventually(lambda: waiting(courier, bad, "retrying"))
        assert "the hub failed over this request" in standing.error
        logs = [make_log(tmp_path, f"r{n}") for n in range(8)]
        for what in logs:
            courier.give(what)
        eventually(lambda: all_verified(courier, logs))
        heals.set()
        eventually(lambda: is_verified(courier, bad))


def test_a_line_that_breaks_over_one_log_brings_the_others(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = make_log(tmp_path, "bad", 300_000)

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        if bad.log_id in request.url.path:
            raise httpx.ReadError("connection reset")
        return hand_on()

    use(monkeypatch, {"lab": (hub, Wire(upset))})
    logs = [make_log(tmp_path, f"r{n}", 310_000) for n in range(4)]
    with working(Courier("lab", Policy(at_once=1)), bad, *logs) as courier:
        eventually(lambda: all_verified(courier, logs))
        assert not is_verified(courier, bad)


def test_other_bytes_at_the_hub_hold_only_that_log(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    bad, good = make_log(tmp_path, "bad"), make_log(tmp_path, "good")
    remote = hub.remote()
    remote.append(bad.log_id, 0, bad.log.read_bytes()[:500] + b"other")
    with working(Courier("lab"), bad, good) as courier:
        eventually(lambda: is_verified(courier, good))
        held = eventually(lambda: waiting(courier, bad, "held"))
        assert "holds other bytes" in held.error
        assert held.retry_in > 500
        courier.give(grown(bad, 1000))  # a change lets it be tried soon
        standing = courier.standing(bad.log)
        assert standing is not None
        assert (standing.state, standing.retry_in is not None and standing.retry_in <= 10) == ("retrying", True)
    assert remote.mark(bad.log_id).size == 505
    remote.close()


def test_a_log_that_cannot_be_read_now_is_tried_again_by_itself(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    what = make_log(tmp_path, "one")
    away = what.log.rename(tmp_path / "away")
    with working(Courier("lab"), what) as courier:
        eventually(lambda: courier.status()["logs_failed"] == 1)
        eventually(lambda: waiting(courier, what, "retrying"))
        away.rename(what.log)
        eventually(lambda: is_verified(courier, what))


def test_a_source_that_lost_bytes_is_held_with_a_sentence(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    what = make_log(tmp_path, "one")
    with working(Courier("lab"), what) as courier:
        eventually(lambda: is_verified(courier, what))
        os.truncate(what.log, SIZE - 1000)
        courier.give(Ready(what.log, what.log_id, SIZE - 1000, 29, what.run))
        held = eventually(lambda: (seen := courier.standing(what.log)) and seen.state == "held" and seen)
        assert "the source lost 1,000 bytes" in held.error
    assert hub.log_file(what.log_id).stat().st_size == SIZE


def refused(courier: Courier) -> str:
    status = eventually(lambda: (seen := courier.status())["state"] == "refused" and seen)
    assert status["retry_in"] > 50
    return str(status["last_error"])


def test_a_refused_token_waits_for_a_person_and_a_reload_tries_at_once(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, "rs_expired")
    what = make_log(tmp_path, "one")
    with working(Courier("lab"), what) as courier:
        assert "refused the token" in refused(courier)
        assert courier.status()["logs_waiting"] == 1
        add_remote("lab", hub.url, hub.token)
        courier.set_policy(Policy())
        eventually(lambda: is_verified(courier, what))
        assert (courier.status()["state"], courier.status()["last_error"]) == ("idle", "")


def test_a_remote_that_is_removed_waits_for_a_person(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    remove_remote("lab")
    with working(Courier("lab"), make_log(tmp_path, "one")) as courier:
        assert "there is no remote 'lab'" in refused(courier)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(200, html="<h1>Log in</h1>"), "is not a runstore hub"),
        (httpx.Response(200, json={"version": "1"}), "is not a runstore hub"),
        (httpx.Response(404, text="nothing here"), "is not a runstore hub"),
        (httpx.Response(426, json={"error": "this hub speaks protocol 2"}), "this hub speaks protocol 2"),
        (httpx.Response(410, json={"error": "protocol 1 is no longer spoken"}), "protocol 1 is no longer spoken"),
    ],
)
def test_what_is_no_hub_or_one_of_another_version_is_said_and_nothing_is_lost(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, sentence: str
) -> None:
    is_mended = threading.Event()

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        return hand_on() if is_mended.is_set() else answer

    use(monkeypatch, {"lab": (hub, Wire(upset))})
    what = make_log(tmp_path, "one")
    with working(Courier("lab"), what) as courier:
        assert sentence in refused(courier)
        is_mended.set()
        courier.resume()
        eventually(lambda: is_verified(courier, what))


def test_nothing_goes_out_while_it_is_paused_or_in_quiet_hours(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    always = Policy(quiet=QuietHours.parse("00:00-24:00"))
    what = make_log(tmp_path, "one")
    courier = Courier("lab", always)
    courier.pause()
    with working(courier, what):
        assert courier.status()["state"] == "paused"
        courier.resume()
        assert courier.status()["state"] == "quiet hours"
        assert not is_verified(courier, what)
        courier.set_policy(Policy())
        eventually(lambda: is_verified(courier, what))
        courier.pause()
        more = grown(what, 1000)
        courier.give(more)
        standing = courier.standing(what.log)
        assert standing is not None
        assert (standing.state, standing.verified_bytes) == ("queued", SIZE)
        courier.resume()
        eventually(lambda: is_verified(courier, more))


def test_a_stop_is_quick_amid_a_slow_transfer_and_the_next_courier_goes_on(hub: RunningHub, tmp_path: Path) -> None:
    add_remote("lab", hub.url, hub.token)
    what = make_log(tmp_path, "one", 6 << 20)
    courier = Courier("lab", Policy(bytes_per_second=what.end // int(HANGS_SECONDS)))
    with working(courier, what):
        eventually(lambda: (standing := courier.standing(what.log)) and standing.acknowledged_bytes > 0)
        began = time.monotonic()
    assert time.monotonic() - began < PROMPT_SECONDS
    assert receipts_path(what.log).exists()
    with working(Courier("lab"), what) as courier:
        eventually(lambda: is_verified(courier, what))
    assert counters_of(hub)["log_bytes_received"] == what.end


def test_a_log_that_is_forgotten_while_it_is_sent_is_no_trouble(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_there, may_go_on = threading.Event(), threading.Event()

    def upset(request: httpx.Request, hand_on: Callable[[], httpx.Response]) -> httpx.Response:
        if request.method == "PUT":
            is_there.set()
            assert may_go_on.wait(PATIENCE_SECONDS)
        return hand_on()

    use(monkeypatch, {"lab": (hub, Wire(upset))})
    what = make_log(tmp_path, "one", 300_000)
    with working(Courier("lab"), what) as courier:
        assert is_there.wait(PATIENCE_SECONDS)
        courier.forget(what.log)
        assert courier.standing(what.log) is None
        courier.give(what)  # moved away and back
        may_go_on.set()
        eventually(lambda: is_verified(courier, what))
