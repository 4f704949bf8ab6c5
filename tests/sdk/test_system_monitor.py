"""The sampling thread: what it records and when, and that nothing it meets disturbs the run."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from runstore.runlog import codec
from runstore.runlog.record_pb2 import StatsRecord
from runstore.sdk.run import Run
from runstore.sdk.system import monitor
from runstore.sdk.system.monitor import SystemMonitor, stats_record
from runstore.sdk.system.opening import Opening
from runstore.sdk.system.source import Options, Source, Values
from tests.sdk.reading import begin, fold, only_log, program, records, succeeded
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, Clock, eventually

pytestmark = pytest.mark.surroundings

# What stock wandb 0.31.0 records on Linux without a GPU, `cpu` from the second sample on; devices aside.
STOCK_KEYS = {
    *("memory_percent", "proc.memory.availableMB", "proc.memory.rssMB", "proc.memory.percent", "proc.cpu.threads"),
    *("disk./.usagePercent", "disk./.usageGB", "network.sent", "network.recv", "network.tcpRetransmits"),
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most runs here end at once: they wait for their last sample, as long as a busy machine may take."""
    monkeypatch.setattr(monitor, "STOP_SECONDS", PATIENCE_SECONDS)


class Scripted:
    """A source that gives a value, or fails, or waits for the test."""

    def __init__(self, samples: Callable[[], Values]) -> None:
        self.samples = samples
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Passing(threading.Event):
    """The end of a run, up to which time passes by the clock of the test and nobody really waits."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self.clock.now += timeout or 0.0
        return self.is_set()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Callable[[], Source | None]]]:
    """Return the list of the sources that there are, to be filled by the test."""
    found: list[tuple[str, Callable[[], Source | None]]] = []
    monkeypatch.setattr(Opening, "each", lambda _: found)
    return found


def monitored() -> Run:
    run = begin()
    run._recorder.part(SystemMonitor).start()
    return run


def stats(folder: Path) -> list[StatsRecord]:
    return [record.stats for record in records(only_log(folder)) if record.HasField("stats")]


def values(record: StatsRecord) -> dict[str, str]:
    return {item.key: item.value_json for item in record.item}


def failing() -> Values:
    raise RuntimeError("the sensor is on fire")


def test_the_first_sample_is_taken_at_once_and_the_last_at_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "LEAST_SECONDS_BETWEEN", 0.0)
    monitored().finish()
    first, last = stats(folder)
    devices = {key for key in values(first) if key.endswith((".in", ".out"))}
    gpus = {key for key in values(first) if key.startswith("gpu.")}
    assert values(first).keys() - devices - gpus >= STOCK_KEYS
    assert values(last).keys() - values(first).keys() <= {"cpu"} | {key for key in values(last) if "gpu." in key}
    assert float(values(last)["cpu"]) >= 0
    assert first.type == StatsRecord.SYSTEM
    assert values(first)["network.sent"] == "0.0"


def test_a_run_that_ends_at_once_has_one_sample(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "LEAST_SECONDS_BETWEEN", HANGS_SECONDS)
    monitored().finish()
    assert len(stats(folder)) == 1


def test_samples_follow_one_another_at_the_interval(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sources: list[tuple[str, Callable[[], Source | None]]]
) -> None:
    monkeypatch.setenv("WANDB_X_STATS_SAMPLING_INTERVAL", "0.1")
    clock = Clock()
    monkeypatch.setattr(monitor, "time", SimpleNamespace(monotonic=clock, time_ns=time.time_ns))
    ending, taken = Passing(clock), []

    def sample() -> Values:
        taken.append(clock.now)
        clock.now += 0.03  # what a sample takes is not added to the interval
        if len(taken) == 4:
            ending.set()
        return {"a": len(taken)}

    sources.append(("a", lambda: Scripted(sample)))
    monkeypatch.setattr(monitor, "threading", SimpleNamespace(Event=lambda: ending))
    run = monitored()
    eventually(ending.is_set)
    run.finish()
    assert [values(record)["a"] for record in stats(folder)] == ["1", "2", "3", "4"]
    assert [at - taken[0] for at in taken] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_samples_show_that_the_run_is_alive(folder: Path) -> None:
    before = time.time()
    monitored().finish()
    taken_at = stats(folder)[0].timestamp
    assert before <= taken_at.seconds + taken_at.nanos / 1e9 <= fold(only_log(folder)).facts.heartbeat_at


def test_a_label_is_added_to_every_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_X_LABEL", "node 1")
    monitored().finish()
    assert "memory_percent/l:node 1" in values(stats(folder)[0])
    assert all(key.endswith("/l:node 1") for key in values(stats(folder)[0]))


def test_numbers_keep_their_type_and_what_is_no_number_is_left_out() -> None:
    body = stats_record(
        {"whole": 12, "float": 37.0, "nan": math.nan, "endless": math.inf, "small": 0.1}, "", 1_500_000_007
    )
    assert body is not None
    record = codec.decode(body)
    assert record is not None
    assert values(record.stats) == {"whole": "12", "float": "37.0", "small": "0.1"}
    assert (record.stats.timestamp.seconds, record.stats.timestamp.nanos) == (1, 500_000_007)
    assert stats_record({"nan": math.nan}, "", 0) is None


# Trouble.


def test_a_source_that_fails_is_told_once_and_the_others_go_on(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    sources: list[tuple[str, Callable[[], Source | None]]],
) -> None:
    monkeypatch.setattr(monitor, "LEAST_SECONDS_BETWEEN", 0.0)

    def broken() -> Source:
        raise OSError("no such sensor")

    good = Scripted(lambda: {"a": 1.5})
    sources += [("one", lambda: Scripted(failing)), ("two", broken), ("none", lambda: None), ("good", lambda: good)]
    monitored().finish()
    assert [values(record) for record in stats(folder)] == [{"a": "1.5"}] * 2
    said = capfd.readouterr().err
    assert said.count("the sensor is on fire") == 1
    assert said.count("no such sensor") == 1
    assert good.closed


def test_without_psutil_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> None:
        raise ImportError("No module named 'psutil'")

    monkeypatch.setattr(Opening, "__init__", missing)
    monitored().finish()
    assert stats(folder) == []
    assert capfd.readouterr().err.count("No module named 'psutil'") == 1


def test_a_record_that_cannot_be_appended_does_not_end_the_thread(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sources: list[tuple[str, Callable[[], Source | None]]]
) -> None:
    monkeypatch.setattr(monitor, "LEAST_SECONDS_BETWEEN", 0.0)
    taken = [0]

    def sample() -> Values:
        taken[0] += 1
        return {"a": taken[0] if taken[0] > 1 else "no number"}  # type: ignore[dict-item]

    sources.append(("a", lambda: Scripted(sample)))
    monitored().finish()
    assert [values(record) for record in stats(folder)] == [{"a": "2"}]


def test_the_end_of_a_run_does_not_wait_for_a_source_that_hangs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sources: list[tuple[str, Callable[[], Source | None]]]
) -> None:
    monkeypatch.setattr(monitor, "STOP_SECONDS", 0.05)
    released = threading.Event()

    def hang() -> Values:
        released.wait(HANGS_SECONDS)
        return {"a": 1.0}

    sources.append(("hanging", lambda: Scripted(hang)))
    run = monitored()
    thread = run._recorder.part(SystemMonitor)._thread
    assert thread is not None
    run.finish()
    assert thread.is_alive()  # in the source that hangs
    released.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert stats(folder) == []


def test_where_no_thread_can_be_started_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    run = begin()
    part = SystemMonitor(run._recorder)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        part.start()
    part.stop()
    run.finish()
    assert "no system metrics are recorded" in capfd.readouterr().err


# Processes.


def test_a_forked_child_does_not_sample(folder: Path) -> None:
    run = monitored()
    part = run._recorder.part(SystemMonitor)
    child = os.fork()
    if child == 0:
        part.start()
        os._exit(7 if threading.active_count() > 1 or part._thread is not None else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.finish()
    assert stats(folder)


def test_the_monitor_loads_what_it_needs_in_its_thread_only() -> None:
    source = """
        import sys
        import runstore
        from runstore.sdk.system import monitor
        from runstore.sdk.system.monitor import SystemMonitor
        from tests.timing import PATIENCE_SECONDS
        monitor.STOP_SECONDS = PATIENCE_SECONDS
        run = runstore.init()
        part = run._recorder.part(SystemMonitor)
        assert part._thread is not None or not {"psutil", "pynvml"} & sys.modules.keys()
        part.start()
        run.finish()
        assert "psutil" in sys.modules
        assert not {"numpy", "sqlite3", "httpx", "click"} & sys.modules.keys()
    """
    succeeded(program(source))


def test_one_sample_costs_little() -> None:
    opened = [open_() for name, open_ in Opening(Options(pid=os.getpid()), print).each() if name != "GPUs"]
    rounds = 20
    [source.samples() for source in opened if source is not None]
    began = time.thread_time()
    for _ in range(rounds):
        [source.samples() for source in opened if source is not None]
    assert (time.thread_time() - began) / rounds < 0.02
