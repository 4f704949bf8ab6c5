"""Runs of several logs arrive as one, in order, whichever log came first, and whoever delivered the beginning."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.runwise.comparable import without_alerts
from tests.runwise.place import Place, place_with
from tests.runwise.written import written
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import differences

NEWEST = stock.STOCK_VERSIONS[0]
BEGIN = """
    import runstore
    with runstore.init(project="demo", id="one", config={"lr": 0.1}, name="the first") as run:
        for n in range(10):
            run.log({"n": n, "nested": {"n": n}})
            print("line", n)
"""
GO_ON = """
    import runstore
    with runstore.init(project="demo", id="one", resume="allow", config={"more": 1}) as run:
        for n in range(10, 15):
            run.log({"n": n, "nested": {"n": n}})
            print("line", n)
"""
GO_ON_AGAIN = GO_ON.replace("10, 15", "15, 18")
OUT_OF_ORDER = """
    import runstore
    with runstore.init(project="demo", id="one") as run:
        run.log({"n": 1}, step=10)
        run.log({"n": 2}, step=11)
        run.log({"n": 3}, step=4)
"""
SET_BACK = """
    import runstore
    with runstore.init(project="demo", resume_from="one?_step=4") as run:
        for n in range(3):
            run.log({"again": n})
            print("again", n)
"""
RANK = """
    import sys
    import runstore
    settings = runstore.Settings(mode="shared", x_primary=RANK == 0, x_label=f"rank{RANK}")
    run = runstore.init(project="demo", id="one", settings=settings)
    for n in range(5):
        run.log({f"n{RANK}": n})
    run.finish()
"""
EDIT = """
    from runstore import Api
    run = Api().run("one")
    run.name, run.tags, run.notes = "edited", ["a", "b"], "later"
    run.config["lr"] = 0.5
    run.summary["best"] = 0.125
    run.update()
"""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Place]:
    """A place with the beginning of a run."""
    written(tmp_path, BEGIN)
    with place_with(None, tmp_path) as place:
        yield place


def _train(place: Place, *scripts: str) -> None:
    written(place.folder, *scripts)


def _numbers(place: Place) -> list[tuple[int, int]]:
    return [(row["_step"], row["n"]) for row in place.run("one").history]


def _whole(place: Place, folder: Path) -> list[str]:
    """Return where the server differs from one that was given all logs at once."""
    (folder / "whole").mkdir()
    with place_with(place.folder / "wandb", folder / "whole") as other:
        for receipt in other.folder.glob("wandb/*/*.runstore.json"):
            receipt.unlink()
        other.synced()
        return differences(without_alerts(other.state()), without_alerts(place.state()))


# In order.


@pytest.mark.parametrize("at_once", [True, False])
def test_a_run_that_was_resumed_twice_is_one(one: Place, tmp_path: Path, at_once: bool) -> None:
    for script in (GO_ON, GO_ON_AGAIN):
        if not at_once:
            one.synced()
        _train(one, script)
    report = one.synced()
    assert report.rows == (18 if at_once else 3)
    assert _numbers(one) == [(n, n) for n in range(18)]
    run = one.run("one")
    assert run.console == [f"line {n}" for n in range(18)]
    assert (run.config, run.display_name, run.overwritten) == ({"lr": 0.1, "more": 1}, "the first", [])
    assert _whole(one, tmp_path) == []


@pytest.mark.parametrize("hidden", [0, 1])
def test_an_earlier_log_that_comes_late_gets_its_place(one: Place, tmp_path: Path, hidden: int) -> None:
    _train(one, GO_ON, GO_ON_AGAIN)
    directory = sorted((one.folder / "wandb").glob("offline-run-*"))[hidden]
    shutil.move(directory, tmp_path / "hidden")
    one.synced()
    assert len(_numbers(one)) == (8 if hidden == 0 else 13)
    shutil.move(tmp_path / "hidden", directory)
    assert one.sync().errors == {}
    assert _numbers(one) == [(n, n) for n in range(18)]
    assert one.run("one").console == [f"line {n}" for n in range(18)]
    assert _whole(one, tmp_path) == []
    assert one.sync().rows == 0


def test_rows_that_are_lifted_leave_those_of_later_logs_their_place(tmp_path: Path) -> None:
    """Steps that fall are kept in the log, and a server wants them to rise."""
    written(tmp_path, OUT_OF_ORDER)
    with place_with(None, tmp_path) as place:
        place.synced()
        assert place.steps("one") == [10, 11, 12]
        _train(place, GO_ON)
        assert place.sync().errors == {}
        assert [row["n"] for row in place.run("one").history] == [1, 3, 2, *range(10, 15)]
        assert place.steps("one") == [10, 11, 12, 13, 14, 15, 16, 17]
        assert place.run("one").overwritten == []
        assert place.synced().rows == 0


# Set back.


def test_a_run_that_is_set_back_after_it_was_sent_drops_its_later_rows(one: Place, tmp_path: Path) -> None:
    one.synced()
    _train(one, SET_BACK)
    assert one.sync().errors == {}
    rows = [(row["_step"], row.get("n"), row.get("again")) for row in one.run("one").history]
    assert rows == [(n, n, None) for n in range(5)] + [(5 + n, None, n) for n in range(3)]
    assert ("RewindRun" in [name for name, _ in one.server.operations]) is True
    assert one.sync().rows == 0
    assert _whole(one, tmp_path) == []


def test_a_run_that_was_set_back_before_it_was_sent_is_just_sent(one: Place) -> None:
    _train(one, SET_BACK)
    one.synced()
    assert one.steps("one") == list(range(8))
    assert "RewindRun" not in [name for name, _ in one.server.operations]


# What only the server has.


@pytest.fixture(scope="session")
def going_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log of stock's that goes on with a run of which nothing is on its disk."""

    def made(folder: Path) -> Path:
        done = stock.run_script(NEWEST, textwrap.dedent(GO_ON.replace("runstore", "wandb")), folder)
        assert done.returncode == 0, done.stderr
        return folder / "wandb"

    return made_once(tmp_path_factory, "runwise-going-on", made)


@pytest.fixture(params=["stock", "ours"])
def elsewhere(
    request: pytest.FixtureRequest, one: Place, going_on: Path, tmp_path_factory: pytest.TempPathFactory
) -> Place:
    """Another machine, on which the run goes on whose beginning was delivered from the first one."""
    one.synced()
    folder = tmp_path_factory.mktemp("elsewhere")
    if request.param == "stock":
        shutil.copytree(going_on, folder / "wandb", symlinks=True)
    else:
        written(folder, GO_ON)
    return Place(folder, one.server)


def test_a_run_whose_beginning_only_the_server_has_is_gone_on_with(elsewhere: Place) -> None:
    run = elsewhere.run("one")
    report = elsewhere.synced()
    assert report.rows == 5
    assert _numbers(elsewhere) == [(n, n) for n in range(15)]
    assert run.console == [f"line {n}" for n in range(15)]
    assert (run.config, run.overwritten) == ({"lr": 0.1, "more": 1}, [])
    assert elsewhere.synced().rows == 0
    _train(elsewhere, GO_ON_AGAIN)
    assert elsewhere.synced().rows == 3
    assert _numbers(elsewhere) == [(n, n) for n in range(18)]
    assert run.overwritten == []
    assert elsewhere.synced().rows == 0


def test_a_run_that_goes_on_there_and_is_set_back_keeps_what_the_server_had(elsewhere: Place) -> None:
    elsewhere.synced()
    _train(elsewhere, SET_BACK.replace("_step=4", "_step=2"))
    assert elsewhere.sync().errors == {}
    rows = [(row["_step"], row.get("n"), row.get("again")) for row in elsewhere.run("one").history]
    assert rows == [(n, n, None) for n in range(13)] + [(13 + n, None, n) for n in range(3)]
    assert elsewhere.synced().rows == 0


def test_where_its_receipts_are_lost_nothing_is_sent_twice(elsewhere: Place) -> None:
    """That the last of the rows there is one of these is known; which lines before it are, nobody knows."""
    elsewhere.synced()
    before = elsewhere.state()
    elsewhere.forget()
    report = elsewhere.sync()
    assert len(report.errors) == 1
    assert differences(before, elsewhere.state()) == []


def test_a_run_that_began_there_and_goes_on_elsewhere_leaves_the_first_machine_nothing_to_do(
    one: Place, elsewhere: Place
) -> None:
    elsewhere.synced()
    report = one.sync()
    assert (report.errors, report.rows) == ({}, 0)
    assert _numbers(elsewhere) == [(n, n) for n in range(15)]


def test_a_run_of_the_same_name_that_does_not_go_on_is_left_alone(
    one: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one.synced()
    before = one.state()
    other = Place(tmp_path_factory.mktemp("other"), one.server)
    written(other.folder, BEGIN.replace('{"n": n,', '{"others": n,'))
    report = other.sync()
    (sentence,) = report.errors.values()
    assert "10 rows of tester/demo/one that are not the first of these logs, so nothing was sent" in sentence
    assert differences(before, one.state()) == []
    assert other.synced(project="own").rows == 10


# Side by side.


def test_ranks_of_one_run_arrive_together(tmp_path: Path) -> None:
    written(tmp_path, *(RANK.replace("RANK", str(rank)) for rank in range(3)))
    with place_with(None, tmp_path) as place:
        place.synced()
        seen = [(key, row[key]) for row in place.run("one").history for key in row if key.startswith("n")]
        assert sorted(seen) == [(f"n{rank}", n) for rank in range(3) for n in range(5)]
        assert place.synced().rows == 0


# Changes that people make.


def test_changes_that_people_make_afterwards_arrive(one: Place) -> None:
    one.synced()
    _train(one, EDIT)
    before = len(one.run("one").pushes)
    report = one.synced()
    assert (report.rows, report.errors) == (0, {})
    run = one.run("one")
    assert (run.display_name, run.notes, sorted(run.tags)) == ("edited", "later", ["a", "b"])
    assert (run.config["lr"], run.summary["best"], run.summary["n"]) == (0.5, 0.125, 9)
    assert [push for push in run.pushes[before:] if "wandb-history.jsonl" in push.get("files", {})] == []
    assert one.synced().bytes_sent == 0


# Places.


def test_two_people_send_the_same_run_each_to_a_place_of_their_own(one: Place) -> None:
    one.synced()
    one.synced(entity="team", project="paper")
    assert [(run.entity, run.project) for run in one.server.runs] == [("tester", "demo"), ("team", "paper")]
    first, second = one.server.runs
    assert first.history == second.history
    _train(one, GO_ON)
    assert one.synced(entity="team", project="paper").rows == 5
    assert (len(first.history), len(second.history)) == (10, 15)
    assert one.synced().rows == 5


def test_two_servers_get_the_same_run(one: Place) -> None:
    one.synced()
    with RecordingServer() as second:
        other = Place(one.folder, second)
        assert other.synced().rows == 10
        assert differences(one.state(), other.state()) == []
    assert one.synced().rows == 0
