"""What is sent the next time: nothing, or only what is new, whatever became of the receipts and of the server's run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Bench
from tests.runwise.comparable import without_alerts
from tests.runwise.place import Place, place_with
from tests.runwise.written import FULL_ROWS, written
from tests.wandbserver.recorded import CONSOLE, EVENTS, HISTORY, SUMMARY
from tests.wandbserver.state import differences

BEGIN = """
    import runstore
    run = runstore.init(project="demo", id="grows", config={"lr": 0.1})
    for n in range(10):
        run.log({"n": n})
        print("line", n)
    run.finish()
"""
GO_ON = """
    import runstore
    run = runstore.init(project="demo", id="grows", resume="must", config={"more": 1})
    for n in range(10, 15):
        run.log({"n": n})
        print("line", n)
    run.finish(exit_code=3)
"""


def _operations(place: Place, since: int = 0) -> list[str]:
    """Return what the server was asked for, from one request on."""
    return [f"{request.kind} {request.name}" for request in place.server.requests[since:]]


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Place]:
    """A place with a run that can be gone on with."""
    written(tmp_path, BEGIN)
    with place_with(None, tmp_path) as place:
        yield place


def _train(place: Place, script: str) -> None:
    done = Bench(place.folder).train(script)
    assert done.returncode == 0, done.stderr


# Again.


def test_a_second_sync_asks_once_and_sends_nothing(place: Place) -> None:
    place.synced()
    before = len(place.server.requests)
    report = place.synced()
    assert (report.bytes_sent, report.rows, report.files_sent, report.artifacts, report.alerts) == (0, 0, 0, 0, 0)
    assert _operations(place, before) == ["graphql RunResumeStatus"]


def test_what_a_run_has_grown_by_is_all_that_is_sent(growing: Place) -> None:
    growing.synced()
    run, before = growing.run("grows"), len(growing.run("grows").pushes)
    assert (run.exit_code, len(run.history)) == (0, 10)
    _train(growing, GO_ON)
    report = growing.synced()
    assert report.rows == 5
    sent = [push.get("files", {}) for push in run.pushes[before:]]
    assert Counter(name for files in sent for name in files) == dict.fromkeys((HISTORY, EVENTS, CONSOLE, SUMMARY), 1)
    assert [row["n"] for row in run.history] == list(range(15)) == growing.steps("grows")
    assert run.console == [f"line {n}" for n in range(15)]
    assert (run.overwritten, run.exit_code, run.config) == ([], 3, {"lr": 0.1, "more": 1})


# Receipts that are gone.


def test_without_receipts_nothing_is_sent_twice(place: Place) -> None:
    place.synced()
    wanted = place.state()
    run, artifacts = place.run("full"), len(place.server.artifacts)
    place.forget()
    report = place.synced()
    assert report.rows == 0
    assert differences(without_alerts(wanted), without_alerts(place.state())) == []
    assert [line for line in run.overwritten if line[0] in (HISTORY, EVENTS, CONSOLE)] == []
    assert sum(one.committed for one in place.server.artifacts) == artifacts


def test_without_receipts_a_run_that_has_grown_is_gone_on_with(growing: Place) -> None:
    growing.synced()
    growing.forget()
    _train(growing, GO_ON)
    report = growing.synced()
    assert report.rows == 5
    assert [row["n"] for row in growing.run("grows").history] == list(range(15))
    assert growing.run("grows").console == [f"line {n}" for n in range(15)]
    assert growing.run("grows").overwritten == []


# A server that has lost something, or got something from others.


def test_a_run_that_was_deleted_there_is_sent_again(place: Place) -> None:
    place.synced()
    wanted = place.state()
    place.server.forget_run("full")
    report = place.synced()
    assert report.rows == FULL_ROWS
    assert any("did not have the run any more" in note for note in report.notes)
    assert differences(wanted, place.state()) == []


def test_rows_of_somebody_else_are_left_alone(growing: Place) -> None:
    growing.synced()
    run = growing.run("grows")
    growing.forget()
    run.lines[HISTORY] = [json.dumps({"_step": n, "others": n}) for n in range(4)]
    before = list(run.lines[HISTORY])
    report = growing.sync()
    (sentence,) = report.errors.values()
    assert "holds 4 rows of tester/demo/grows that are not the first of these logs, so nothing was sent" in sentence
    assert (run.lines[HISTORY], report.verified, report.rows) == (before, 0, 0)


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_rows_that_the_server_has_lost_are_sent_again(growing: Place, kept: int) -> None:
    growing.synced()
    run = growing.run("grows")
    whole = list(run.lines[HISTORY])
    del run.lines[HISTORY][kept:]
    report = growing.synced()
    assert report.rows == len(whole) - kept
    assert run.lines[HISTORY] == whole


def test_a_server_whose_line_count_lies_is_not_believed(growing: Place) -> None:
    """It says that it has more rows than it was given; what follows goes where it belongs all the same."""
    growing.synced()
    run = growing.run("grows")
    run.lines[HISTORY].append(json.dumps({"_step": 99}))
    _train(growing, GO_ON)
    growing.sync()
    assert [row["_step"] for row in run.history] == list(range(15))
