"""The daemon, and the hub, killed before and after each request of a delivery in turn: nothing is lost or doubled."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import runstore
from runstore.paths import receipts_path
from runstore.runlog import codec
from runstore.syncd.remotes.configured import load_remotes
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.sending import RANGE_BYTES
from tests.commands import Bench
from tests.crash.faults import killing_after, killing_before, killing_within, passed
from tests.crash.machines import DaemonMachine, HubMachine, line_to_a_hub
from tests.crash.proxy import Asked, Exchange, Fault, Proxy
from tests.timing import eventually

# So many requests a delivery makes at most; the first test holds it to that.
POINTS = range(1, 11)
ROWS = 20
FOLDERS = ("files", "blobs")
# Enough that the hub keeps the log in two pieces, and gets the blob in ranges: what is shorter is a simpler case.
BYTES = RANGE_BYTES + 100_000
# Each file that a run keeps by itself is one more request like the others.
NOTHING_OF_ITSELF = ("WANDB_SILENT", "WANDB_X_DISABLE_META", "WANDB_X_DISABLE_STATS", "WANDB_DISABLE_GIT")


@dataclass
class Line:
    """A hub that all points share, behind the proxy whose rule each sets."""

    bench: Bench
    proxy: Proxy
    hub: HubMachine
    rule: Callable[[Exchange], Fault] = lambda _: passed


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A hub that outlives the tests of this module, and is often killed in them."""
    bench = Bench(tmp_path_factory.mktemp("line"))
    lines: list[Line] = []
    with line_to_a_hub(bench, lambda exchange: lines[0].rule(exchange)) as (proxy, hub):
        lines.append(Line(bench, proxy, hub))
        yield lines[0]
        assert hub.is_sound()
    shutil.rmtree(bench.folder)  # half a gigabyte by then


@dataclass
class Point:
    """A run that is delivered by a daemon of its own, with a home of its own."""

    bench: Bench
    log: Path
    daemon: DaemonMachine

    def is_delivered(self) -> bool:
        """Return whether the receipt says that the hub holds all of the log and of what lies beside it."""
        receipts = receipts_path(self.log)
        if not receipts.exists():
            return False
        (receipt,) = json.loads(receipts.read_bytes())["targets"].values()
        return receipt["size"] == self.log.stat().st_size and all(
            names_in(self.log.parent / folder) <= set(receipt[folder]) for folder in FOLDERS
        )


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.fixture
def point(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Point]:
    """A run with a saved file and an artifact, finished and not yet delivered."""
    bench = Bench(tmp_path)
    shutil.copytree(line.bench.folder / "home", tmp_path / "home")  # which knows the remote
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    for name in NOTHING_OF_ITSELF:
        monkeypatch.setenv(name, "true")
    line.rule = lambda _: passed
    if not line.hub.is_alive():
        line.hub.start()
    daemon = DaemonMachine(bench)
    yield Point(bench, recorded(tmp_path), daemon)
    assert daemon.end() == 0
    assert daemon.is_sound()
    shutil.rmtree(tmp_path)


def recorded(folder: Path) -> Path:
    """Record a run of 20 rows; return its log."""
    source = random.Random(str(folder))
    (folder / "model.bin").write_bytes(source.randbytes(BYTES))
    (folder / "notes.txt").write_bytes(source.randbytes(100))
    with runstore.init(project="points", dir=folder) as run:
        for n in range(ROWS):
            run.log({"n": n, "text": source.randbytes(BYTES // ROWS // 2).hex()})
        run.save(folder / "notes.txt", base_path=folder)
        artifact = runstore.Artifact(f"model-{run.id}", "model")
        artifact.add_file(str(folder / "model.bin"))
        run.log_artifact(artifact)
    return next(folder.glob("wandb/offline-run-*/run-*.wandb"))


def requests_of(line: Line, point: Point) -> list[Asked]:
    """Let the daemon deliver undisturbed; return what it asked of the hub for it."""
    point.bench.runstore("runs", "list")  # indexes all: what is indexed by and by is delivered so
    before = len(line.proxy.asked)
    point.daemon.start()
    eventually(point.is_delivered)
    return line.proxy.asked[before:]


def test_the_points_below_are_all_the_requests_of_a_delivery(line: Line, point: Point) -> None:
    asked = requests_of(line, point)
    print(*asked, sep="\n")
    assert 4 <= len(asked) <= POINTS[-1]
    check(line, point)


@pytest.mark.parametrize("moment", [killing_before, killing_after])
@pytest.mark.parametrize("number", POINTS)
def test_daemon_killed_at_a_request(
    line: Line, point: Point, number: int, moment: Callable[[Callable[[], None]], Fault]
) -> None:
    line.rule = nth(number, moment(point.daemon.kill))
    point.daemon.start()
    eventually(lambda: point.is_delivered() or not point.daemon.is_alive())
    line.rule = lambda _: passed  # the kill may not come by a later request, which is none of the delivery
    if not point.daemon.is_alive():
        point.daemon.start()
        eventually(point.is_delivered)
    check(line, point)


@pytest.mark.parametrize("moment", [killing_before, killing_within, killing_after])
@pytest.mark.parametrize("number", POINTS)
def test_hub_killed_at_a_request(
    line: Line, point: Point, number: int, moment: Callable[[Callable[[], None]], Fault]
) -> None:
    line.rule = nth(number, moment(line.hub.kill))
    point.daemon.start()
    eventually(lambda: point.is_delivered() or not line.hub.is_alive())
    line.rule = lambda _: passed
    if not line.hub.is_alive():
        line.hub.start()
        eventually(point.is_delivered)
    check(line, point)


def nth(number: int, fault: Fault) -> Callable[[Exchange], Fault]:
    """Return a rule: the request of this number from now on gets the fault, all others pass."""
    seen: list[Exchange] = []

    def rule(exchange: Exchange) -> Fault:
        seen.append(exchange)
        return fault if len(seen) == number else passed

    return rule


def check(line: Line, point: Point) -> None:
    """Check that the hub holds exactly what is here: the log's bytes, what lies beside it, and its rows once each."""
    check_held(line.bench.folder / "hub", point.log)
    run_id = point.log.parent.name.rpartition("-")[2]
    remote = HubRemote(f"http://127.0.0.1:{line.proxy.upstream}", load_remotes()["lab"].token)
    try:
        assert [run["id"] for run in remote.runs()].count(run_id) == 1
        assert [row["n"] for row in remote.history(f"points/{run_id}", ["n"])] == list(range(ROWS))
        assert remote.counters()["log_bytes_received"] <= remote.counters()["log_bytes_accepted"] + RANGE_BYTES
    finally:
        remote.close()


def check_held(hub: Path, log: Path) -> None:
    """Check the bytes of a log, and of what lies beside it."""
    identity = codec.log_identity(log)
    assert identity is not None
    held = hub / "logs" / identity.log_id[:2] / identity.log_id / "log.wandb"
    assert held.read_bytes() == log.read_bytes()
    (receipt,) = json.loads(receipts_path(log).read_bytes())["targets"].values()
    for folder in FOLDERS:
        for name in names_in(log.parent / folder):
            digest = receipt[folder][name]["sha256"]
            assert (hub / "blobs" / digest[:2] / digest).read_bytes() == (log.parent / folder / name).read_bytes()
