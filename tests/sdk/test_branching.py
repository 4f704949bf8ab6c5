"""Runs that go on from others: set back, forked, resumed by themselves; and several runs in one process."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import SettingsError, UsageError
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.sdk.run import Run
from tests.sdk.reading import begin, fold, kinds, logs, program, records, rows, succeeded, without_common


def first_run(folder: Path, run_id: str = "base") -> None:
    """Record ten rows of a run."""
    run = begin(project="p", id=run_id, config={"lr": 0.1}, name="first")
    for step in range(10):
        run.log({"loss": 10 - step})
    run.finish()


def stored_steps(folder: Path, run_id: str) -> list[tuple[int, Any]]:
    """Return step and loss of a run, as the index puts its logs together."""
    index = folder / "i.db"
    Indexer(index).catch_up_below(folder)
    (run,) = [found for found in Api(index, refresh=False).runs() if found.id == run_id]
    return [(row["_step"], row["loss"]) for row in run.scan_history()]


def test_a_run_set_back_goes_on_from_that_step(folder: Path) -> None:
    first_run(folder)
    run = begin(project="p", resume_from="base?_step=4")
    assert (run.id, run.resumed, run.starting_step, run.step, run.name) == ("base", True, 5, 5, "first")
    assert dict(run.config) == {"lr": 0.1}
    assert run.summary["loss"] == 6
    run.log({"loss": 100})
    run.finish()
    assert kinds(folder) == ["start", "rewind"]
    assert stored_steps(folder, "base") == [*((step, 10 - step) for step in range(5)), (5, 100)]


def test_a_run_set_back_and_resumed_knows_nothing_of_what_was_superseded(folder: Path) -> None:
    first_run(folder)
    run = begin(project="p", resume_from="base?_step=8")
    run.log({"late": 1})
    run.summary["by hand"] = 1
    run.finish()
    begin(project="p", resume_from="base?_step=4").finish()
    run = begin(project="p", id="base", resume="must")
    assert (run.step, without_common(dict(run.summary))) == (5, {"loss": 6})
    run.finish()
    index = folder / "i.db"
    Indexer(index).catch_up_below(folder)
    assert without_common(Api(index, refresh=False).run("base").summary) == {"loss": 6}


def test_a_fork_is_a_run_of_its_own_with_what_the_other_had_at_that_step(folder: Path) -> None:
    first_run(folder)
    run = begin(project="p", fork_from="base?_step=4", config={"lr": 0.2})
    assert run.id != "base"
    assert (run.resumed, run.starting_step, run.name) == (False, 5, None)
    assert dict(run.config) == {"lr": 0.2}
    assert run.summary["loss"] == 6
    run.log({"loss": 100})
    run.finish()
    record = next(r.run for r in records(logs(folder)[1]) if r.HasField("run"))
    assert (record.branch_point.run, record.branch_point.value, record.branch_point.metric) == ("base", 4, "_step")
    assert fold(logs(folder)[1]).config["_wandb"] == {"branch_point": {"run_id": "base", "step": 4}}
    assert stored_steps(folder, run.id) == [*((step, 10 - step) for step in range(5)), (5, 100)]
    assert len(stored_steps(folder, "base")) == 10


def test_a_fork_that_was_killed_at_once_is_resumed_behind_the_step_of_the_fork(folder: Path) -> None:
    first_run(folder)
    begin(project="p", fork_from="base?_step=4", id="fork").finish()
    run = begin(project="p", id="fork", resume="must")
    assert run.step == 5
    run.log({"loss": 100})
    run.finish()
    assert stored_steps(folder, "fork") == [*((step, 10 - step) for step in range(5)), (5, 100)]


@pytest.mark.parametrize("argument", ["resume_from", "fork_from"])
def test_a_branch_of_a_run_that_is_elsewhere_begins_behind_its_step(
    argument: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(project="p", **{argument: "elsewhere?_step=7"})
    assert run.starting_step == 8
    assert "elsewhere?_step=7: that run is not below" in capfd.readouterr().err
    run.log({"a": 1})
    run.finish()
    assert rows(logs(folder)[0]) == [(8, {"a": 1})]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"resume_from": "a?_step=1", "id": "b"}, "drop one"),
        ({"fork_from": "a?_step=1", "id": "a"}, "needs another id"),
        ({"fork_from": "a?_step=1", "resume": "allow", "id": "b"}, "can't be set together"),
        ({"fork_from": "nonsense"}, "fork_from"),
    ],
)
def test_branches_that_cant_be_meant_are_refused(arguments: dict[str, Any], reason: str, folder: Path) -> None:
    with pytest.raises((UsageError, SettingsError), match=reason):
        begin(**arguments)
    assert not folder.exists()


def test_a_run_that_did_not_end_well_is_resumed_by_itself(folder: Path) -> None:
    killed = "import os, runstore; r = runstore.init(project='p', resume='auto'); r.log({'a': 1}); os._exit(9)"
    assert program(killed).returncode == 9
    run = begin(project="p", resume="auto")
    assert run.resumed
    assert run.step == 1
    run.finish(exit_code=1)
    again = begin(project="p", resume=True)
    assert again.id == run.id
    again.finish()
    assert begin(project="p", resume="auto").id != run.id


def test_what_a_torn_file_says_of_the_last_run_counts_for_nothing(folder: Path) -> None:
    (folder / "wandb").mkdir(parents=True)
    (folder / "wandb" / "wandb-resume.json").write_text('{"run_id": "x')
    run = begin(project="p", resume="auto")
    assert not run.resumed
    assert json.loads((folder / "wandb" / "wandb-resume.json").read_text()) == {"run_id": run.id}


def test_a_second_init_returns_ends_or_stands_beside_the_first(folder: Path) -> None:
    first = begin(project="p")
    assert begin(project="p") is first
    assert begin(project="p", reinit=False) is first
    beside = begin(project="p", reinit="create_new")
    assert runstore.run is first
    beside.log({"a": 1})
    runstore.log({"b": 1})
    third = begin(project="p", reinit=True)
    assert runstore.run is third
    for ended in (first, beside):
        with pytest.raises(UsageError, match="is finished"):
            ended.log({"a": 1})
    third.finish()
    assert [without_common(dict(fold(log).summary.tree())) for log in logs(folder)] == [{"b": 1}, {"a": 1}, {}]
    assert [fold(log).facts.exit_code for log in logs(folder)] == [0, 0, 0]


def test_a_run_that_stands_beside_ends_with_the_program(folder: Path) -> None:
    succeeded(program("import runstore; runstore.init(project='p', reinit='create_new').log({'a': 1})"))
    assert fold(logs(folder)[0]).facts.exit_code == 0


def test_the_first_argument_may_name_the_project(folder: Path) -> None:
    init: Any = runstore.init
    run = init("demo", entity="me")
    assert (run.entity, run.project) == ("me", "demo")
    run.finish()
    run = init("team", "demo")
    assert (run.entity, run.project) == ("team", "demo")


def in_a_spawned_process(run: Run) -> None:
    """Log to the parent's run; called in a process of its own."""
    assert runstore.run is not None
    for _ in range(3):
        run.log({"child": run.step})
    run.summary["from child"] = 1
    run.config.update({"child": True})


def test_a_run_handed_to_a_spawned_process_is_the_same_run_there(folder: Path) -> None:
    run = begin(project="p", id="shared", config={"lr": 0.1})
    run.log({"parent": 0})
    process = multiprocessing.get_context("spawn").Process(target=in_a_spawned_process, args=(run,))
    process.start()
    process.join()
    assert process.exitcode == 0
    run.finish()
    assert sorted(kinds(folder)) == ["rank", "start"]
    index = folder / "i.db"
    Indexer(index).catch_up_below(folder)
    (stored,) = Api(index, refresh=False).runs()
    assert list(stored.scan_history(["child"])) == [{"child": step, "_step": step} for step in (1, 2, 3)]
    assert stored.summary["from child"] == 1
    assert stored.config == {"lr": 0.1, "child": True}
    assert stored.state == "finished"


def test_in_its_own_process_a_pickled_run_is_itself(folder: Path) -> None:
    run = begin(project="p")
    assert pickle.loads(pickle.dumps(run)) is run
    assert runstore.attach(run._attach_id) is run


def test_attaching_to_nothing_says_what_to_hand_over(folder: Path) -> None:
    with pytest.raises(UsageError, match="no run is recorded there"):
        runstore.attach("nowhere")


def test_what_belongs_to_wandbs_tools_goes_on_with_the_run(folder: Path) -> None:
    run = begin(project="p", id="again")
    run.pin_config_keys(["lr"])
    run.finish()
    begin(project="p", id="again", resume="must").finish()
    assert [fold(log).config["_wandb"] for log in logs(folder)] == [{"pinned_keys": ["lr"]}] * 2


def test_what_a_run_is_called_goes_on_with_it(folder: Path) -> None:
    begin(project="p", id="again", name="n", notes="a note", tags=["a"], group="g", job_type="train").finish()
    run = begin(project="p", id="again", resume="must", job_type="eval")
    assert (run.name, run.notes, run.tags, run.group, run.job_type) == ("n", "a note", ("a",), "g", "eval")
    run.tags += ("b",)
    run.finish()
    assert fold(logs(folder)[1]).facts.tags == ["a", "b"]


def test_a_branch_beyond_the_end_of_a_run_is_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first_run(folder)
    assert begin(project="p", fork_from="base?_step=500").starting_step == 501
    assert "base?_step=500: what is recorded here of that run ends at step 9" in capfd.readouterr().err
