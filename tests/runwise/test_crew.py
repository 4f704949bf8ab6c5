"""Many runs are delivered by several processes: as by one, whatever becomes of any of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from runstore.index import parallel
from runstore.syncd import forked
from runstore.syncd.crew import size_for
from runstore.syncd.marker import is_put
from runstore.syncd.policy import Policy
from tests.commands import Bench
from tests.conformance.shared import made_once
from tests.runwise.place import Place, place_with
from tests.runwise.spawning import Spawned, Spawner
from tests.runwise.written import written
from tests.timing import eventually
from tests.wandbserver.faults import answer
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.requests import Moment, Request
from tests.wandbserver.state import differences

RUNS, PROCESSES = 7, 3
# Of the first run there is a second log: that of another rank.
MANY = f"""
    import runstore
    for number in (*range({RUNS}), 0):
        settings = runstore.Settings(mode="shared") if number == 0 else None
        with runstore.init(project="demo", id=f"r{{number}}", config={{"n": number}}, settings=settings) as run:
            for step in range(5):
                run.log({{"loss": number + step}})
            print("line of", number)
            with open(run.dir + f"/of-{{number}}.txt", "w") as file:
                file.write(f"of {{number}}")
"""
LOGS = RUNS + 1

ByOne: TypeAlias = tuple[JsonObject, JsonObject]


@pytest.fixture(scope="module")
def many_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of several small runs."""
    return made_once(tmp_path_factory, "runwise-many", lambda folder: written(folder, MANY))


@pytest.fixture(scope="module")
def by_one(
    many_runs: Path, spawner: Spawner, tmp_path_factory: pytest.TempPathFactory
) -> tuple[JsonObject, JsonObject]:
    """What is said when one process delivers these runs, and what the server has then."""
    with place_with(many_runs, tmp_path_factory.mktemp("by-one")) as place:
        said = _said(place.start(spawner, "--json"))
        return said, place.state()


@pytest.fixture
def many(many_runs: Path, tmp_path: Path) -> Iterator[Place]:
    """A place with these runs, of which the server knows nothing."""
    with place_with(many_runs, tmp_path) as place:
        yield place


def _said(sync: Spawned, code: int = 0) -> JsonObject:
    """Return what a sync says in JSON, behind what it says in sentences."""
    assert sync.wait() == code, sync.said.read_text()
    text = sync.said.read_text()
    said: JsonObject = json.loads(text[text.index("{") :])
    return said


@contextmanager
def _all_at_work(place: Place, spawner: Spawner) -> Iterator[Spawned]:
    """Begin a sync, and stop each run when it is to be made at the server; the block ends that.

    Each process has something to do by then, and none is done with anything.
    """
    stopped, go_on = threading.Semaphore(0), threading.Event()

    def stop(moment: Moment, request: Request) -> None:
        if moment == "arrived" and request.name == "UpsertBucket":
            stopped.release()
            go_on.wait(60)

    place.server.watchers.append(stop)
    try:
        sync = place.start(spawner, "--json", processes=PROCESSES)
        for _ in range(PROCESSES):
            assert stopped.acquire(timeout=60)
        yield sync
    finally:
        place.server.watchers.remove(stop)
        go_on.set()


def _members(sync: Spawned) -> list[int]:
    """Return the processes that a sync has."""
    children = Path("/proc", str(sync.pid), "task", str(sync.pid), "children")
    return [int(child) for child in children.read_text().split()]


def _are_gone(members: list[int]) -> bool:
    states = []
    for member in members:
        with contextlib.suppress(OSError):
            states.append(Path("/proc", str(member), "stat").read_text().rpartition(")")[2].split()[0])
    return set(states) <= {"Z"}


def test_what_several_processes_deliver_is_what_one_does(many: Place, spawner: Spawner, by_one: ByOne) -> None:
    wanted, state = by_one
    with _all_at_work(many, spawner) as sync:
        members = _members(sync)
    said = _said(sync)
    assert len(members) == PROCESSES
    assert _are_gone(members)
    assert {**said, "bytes_sent": 0} == {**wanted, "bytes_sent": 0}  # a run of two logs may be summed up twice
    assert (said["runs"], said["verified"], said["rows"]) == (RUNS, LOGS, 5 * LOGS)
    assert differences(state, many.state()) == []
    assert all(run.overwritten == [] for run in many.server.runs)
    assert all(map(is_put, many.logs))
    many.assert_in_order()


def test_a_second_sync_by_several_processes_sends_nothing(many: Place, spawner: Spawner) -> None:
    _said(many.start(spawner, "--json", processes=PROCESSES))
    again = _said(many.start(spawner, "--json", processes=PROCESSES))
    assert (again["verified"], again["rows"], again["files_sent"], again["bytes_sent"]) == (LOGS, 0, 0, 0)


PROGRESS = """
    import json, sys
    from pathlib import Path
    from runstore.index import parallel
    from runstore.index.indexer import Indexer
    from runstore.paths import find_logs
    from runstore.syncd import crew
    from runstore.syncd.oneround import Round

    parallel.most_workers, crew.WORTH_BYTES = lambda: 3, 0
    told = []
    round = Round("wandb", list(find_logs(Path("wandb"))), told.append, may_fork=True)
    report = round.run(Indexer())
    json.dump([report.verified, sum(told), round.total, min(told), round.shipped.rows], sys.stdout)
"""


def test_the_progress_of_all_processes_adds_up(many: Place) -> None:
    done = Bench(many.folder).train(PROGRESS, **many.settings)
    verified, told, total, least, rows = json.loads(done.stdout)
    assert (verified, told, least, rows) == (LOGS, total, 0, 5 * LOGS)


def test_a_process_that_is_killed_fails_what_it_had_to_do_and_no_other(
    many: Place, spawner: Spawner, by_one: ByOne
) -> None:
    with _all_at_work(many, spawner) as sync:
        os.kill(_members(sync)[0], signal.SIGKILL)
        eventually(lambda: len(_members(sync)) == PROCESSES - 1)
    said = _said(sync, code=1)
    assert 0 < said["failed"] < LOGS
    assert said["verified"] == LOGS - said["failed"]
    assert all("was ended by SIGKILL; nothing is lost" in sentence for sentence in said["errors"].values())
    failed = {Path(many.folder, log) for log in said["errors"]}
    assert [log for log in many.logs if not is_put(log)] == [log for log in many.logs if log in failed]
    again = _said(many.start(spawner, "--json", processes=PROCESSES))
    assert again["verified"] == LOGS
    assert differences(by_one[1], many.state()) == []
    many.assert_in_order()


def test_where_all_processes_are_killed_that_is_said_and_the_next_sync_goes_on(
    many: Place, spawner: Spawner, by_one: ByOne
) -> None:
    with _all_at_work(many, spawner) as sync:
        for member in _members(sync):
            os.kill(member, signal.SIGKILL)
    said = _said(sync, code=1)
    assert (said["failed"], said["verified"]) == (LOGS, 0)
    assert _said(many.start(spawner, "--json"))["verified"] == LOGS
    assert differences(by_one[1], many.state()) == []
    many.assert_in_order()


def test_an_interruption_ends_all_processes_with_one_sentence(many: Place, spawner: Spawner, by_one: ByOne) -> None:
    with _all_at_work(many, spawner) as sync:
        members = _members(sync)
        sync.interrupt()
        said = _said(sync, code=1)
        assert _are_gone(members)
    text = sync.said.read_text()
    assert (text.count("interrupted; what is delivered stays so"), "Traceback" in text) == (1, False)
    assert (said["logs"] > 0, said["verified"], said["errors"]) == (True, 0, {})
    assert _said(many.start(spawner, "--json", processes=PROCESSES))["verified"] == LOGS
    assert differences(by_one[1], many.state()) == []
    many.assert_in_order()


def test_processes_end_with_the_one_that_has_them(many: Place, spawner: Spawner, by_one: ByOne) -> None:
    with _all_at_work(many, spawner) as sync:
        members = _members(sync)
        sync.kill()
        eventually(lambda: _are_gone(members))
    assert _said(many.start(spawner, "--json", processes=PROCESSES))["verified"] == LOGS
    assert differences(by_one[1], many.state()) == []
    many.assert_in_order()


def test_what_concerns_all_runs_ends_all_processes_with_its_exit_code(many: Place, spawner: Spawner) -> None:
    many.server.keys = {"k" * 40}
    refused = many.start(spawner, processes=PROCESSES)
    assert refused.wait() == 4
    assert refused.said.read_text().count("refused the API key") == 1
    with many.server.away():
        unreachable = many.start(spawner, processes=PROCESSES)
        assert unreachable.wait() == 5
    assert "nothing is lost" in unreachable.said.read_text()


def test_what_concerns_one_run_is_said_of_it_alone(many: Place, spawner: Spawner) -> None:
    rule = many.server.fail(answer(403), "file", "of-3.txt", times=None)
    said = _said(many.start(spawner, "--json", processes=PROCESSES), code=1)
    (sentence,) = said["notes"]
    assert "of-3.txt" in sentence
    assert said["verified"] == LOGS - 1
    assert [log.name for log in many.logs if not is_put(log)] == ["run-r3.wandb"]
    many.server.faults.remove(rule)
    assert _said(many.start(spawner, "--json", processes=PROCESSES))["files_sent"] == 1


@pytest.mark.parametrize(
    ("logs", "policy", "size"),
    [
        ({"a": 1 << 20, "b": 1}, Policy(), 2),
        ({"a": 1 << 20, "b": 1}, Policy(at_once=64), 2),
        ({"a": 1 << 20, "b": 1, "c": 1, "d": 1}, Policy(at_once=3), 3),
        ({str(n): 1 << 20 for n in range(100)}, Policy(at_once=64), 4),
        ({"a": 1 << 20, "b": 1}, Policy(at_once=1), 1),
        ({"a": 1 << 20, "b": 1}, Policy(bytes_per_second=10**9), 1),
        ({"a": 1 << 19, "b": 1}, Policy(), 1),
        ({"a": 1 << 30}, Policy(), 1),
        ({}, Policy(), 1),
    ],
)
def test_processes_are_for_many_runs_without_a_limit(
    logs: dict[str, int], policy: Policy, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {Path(run, "run-x.wandb"): size for run, size in logs.items()}
    monkeypatch.setattr(parallel, "most_workers", lambda: 8)
    monkeypatch.setattr(forked, "is_possible", lambda: True)
    assert size_for(sizes, policy) == size
    monkeypatch.setattr(forked, "is_possible", lambda: False)
    assert size_for(sizes, policy) == 1


def test_nothing_forks_beside_threads() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not forked.is_possible()
    finally:
        done.set()
        thread.join()
