"""Processes that add to one run under its id, as W&B's guide to distributed training has it, and many at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.sdk.run import Run
from tests.sdk.reading import begin, kinds, logs, program, records, succeeded

RANKS = 12
# Each of many processes, their randomness the same, waits until all begin their run, to the millisecond.
AT_ONCE = f"""
    import multiprocessing, random, time
    import numpy, runstore

    def rank(number, meeting, arguments):
        random.seed(1)
        numpy.random.seed(1)
        arguments = dict(arguments, mode="shared", x_primary=number == 0) if arguments else arguments
        meeting.wait()
        with runstore.init(project="p", settings=arguments) as run:
            run.log({{f"rank_{{number}}": number}})

    def begin_all(arguments):
        meeting = context.Barrier({RANKS})
        ranks = [context.Process(target=rank, args=(number, meeting, arguments)) for number in range({RANKS})]
        [process.start() for process in ranks]
        [process.join() for process in ranks]

    context = multiprocessing.get_context("fork")
    """


def secondary(run_id: str, **settings: object) -> Run:
    """Return the run as another process, which is not its first, would have it."""
    settings = {"mode": "shared", "x_primary": False, "x_update_finish_state": False, "run_id": run_id, **settings}
    return begin(project="p", reinit="create_new", settings=settings)


def stored(folder: Path) -> list[StoredRun]:
    """Return the runs below `folder`, from an index that stays open as long as they do."""
    api = Api(index=folder / "index.db", refresh=False)
    api.catch_up_below(folder)
    return list(api.runs("p"))


def test_a_secondary_process_has_a_log_of_its_own_which_neither_begins_nor_ends_the_run(folder: Path) -> None:
    first = begin(project="p", id="one", name="together", config={"lr": 1})
    second = secondary("one")
    second.log({"b": 2})
    first.log({"a": 1})
    second.finish()
    assert kinds(folder) == ["start", "rank"]
    assert [record.exit.not_complete for record in records(logs(folder)[1]) if record.HasField("exit")] == [True]
    (run,) = stored(folder)
    assert run.state == "running"
    first.finish(3)
    (run,) = stored(folder)
    assert (run.state, run.name, run.config, run.summary["a"], run.summary["b"]) == (
        "failed",
        "together",
        {"lr": 1},
        1,
        2,
    )
    assert [(row["_step"], row["a"], row["b"]) for row in run.scan_history()] == [(0, 1, 2)]


def test_ranks_may_begin_before_the_first_of_them(folder: Path) -> None:
    second = secondary("one")
    second.log({"b": 2})
    with begin(project="p", id="one", name="late", reinit="create_new") as run:
        run.log({"a": 1})
    second.finish()
    (found,) = stored(folder)
    assert (found.state, found.name, found.summary["a"], found.summary["b"]) == ("finished", "late", 1, 2)


def test_a_rank_of_a_resumed_run_goes_on_behind_its_earlier_steps(folder: Path) -> None:
    with begin(project="p", id="one") as run:
        run.log({"a": 1})
    with begin(project="p", id="one", resume="must") as run:
        other = secondary("one", resume="must")
        assert other.step == run.step == 1
        other.finish()


def test_without_an_id_a_process_has_nothing_to_add_to_and_begins_a_run(folder: Path) -> None:
    with begin(project="p", settings=runstore.Settings(x_primary=False)) as run:
        run.log({"a": 1})
    (found,) = stored(folder)
    assert found.state == "finished"


@pytest.mark.parametrize("name", ["x_primary", "x_primary_node"])
def test_the_older_name_of_the_setting_is_known(name: str) -> None:
    given: dict[str, Any] = {name: False}
    assert runstore.Settings(**given).x_primary is False


def test_ranks_with_equal_seeds_that_begin_at_once_have_a_run_each(folder: Path) -> None:
    succeeded(program(AT_ONCE + "begin_all({})"))
    runs = stored(folder)
    assert len({run.id for run in runs}) == len(logs(folder)) == RANKS
    logged = {key for run in runs for key in run.summary if key.startswith("rank_")}
    assert logged == {f"rank_{number}" for number in range(RANKS)}


def test_ranks_that_begin_one_run_at_once_have_a_log_each_and_one_row(folder: Path) -> None:
    succeeded(program(AT_ONCE + 'begin_all({"run_id": "one"})'))
    assert sorted(kinds(folder)) == ["rank"] * (RANKS - 1) + ["start"]
    (run,) = stored(folder)
    (row,) = run.scan_history()
    assert {key: value for key, value in row.items() if key.startswith("rank_")} == {
        f"rank_{number}": number for number in range(RANKS)
    }
    assert run.state == "finished"
