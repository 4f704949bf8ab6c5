"""Processes that have a run in turn: what one logged that has ended lies behind the rows of the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runstore.query.stock import Api
from tests.sdk.reading import begin, fold, kinds, logs, only_log, program, rows, succeeded

IN_TURN = """
import multiprocessing, sys, runstore

def train(run, first):
    run.define_metric("loss", summary="min")
    for n in range(3):
        run.log({"loss": first - n})
    run.config["trained"] = True

def child(run, first):
    process = multiprocessing.get_context(sys.argv[1]).Process(target=train, args=(run, first))
    process.start()
    process.join()
    assert process.exitcode == 0

if __name__ == "__main__":
    run = runstore.init(project="p", id="r", config={"lr": 1})
    run.log({"loss": 50})
    child(run, 40)
    child(run, 30)
    run.log({"loss": 20})
    assert run.step == 8, run.step
    assert run.config["trained"] and run.summary["loss"]["min"] == 20, (run.config, run.summary)
    child(run, 10)
    run.summary["verdict"] = "good"
    run.finish()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_that_train_one_after_the_other_and_their_parent_lose_no_row(
    folder: Path, tmp_path: Path, method: str
) -> None:
    script = tmp_path / "program.py"
    script.write_text(IN_TURN)
    succeeded(subprocess.run([sys.executable, str(script), method], capture_output=True, text=True, check=False))
    api = Api(index=tmp_path / "index.db", refresh=False)
    api.catch_up_below(folder)
    run = api.run("p/r")
    losses = [50, 40, 39, 38, 30, 29, 28, 20, 10, 9, 8]
    assert [(row["_step"], row["loss"]) for row in run.scan_history(keys=["_step", "loss"])] == list(enumerate(losses))
    assert (run.summary["loss"], run.summary["verdict"], run.state) == ({"min": 8}, "good", "finished")
    assert run.config == {"lr": 1, "trained": True}
    api.close()


def test_a_child_that_was_killed_lies_behind_with_all_that_it_logged(folder: Path) -> None:
    succeeded(
        program(
            """
    import os, signal, runstore
    run = runstore.init(project="p", id="r")
    child = os.fork()
    if child == 0:
        run.log({"loss": 2})
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    run.log({"loss": 1})
    run.finish()
    """
        )
    )
    parent, child, after = logs(folder)
    assert (rows(parent), rows(child), rows(after)) == ([], [(0, {"loss": 2})], [(1, {"loss": 1})])


def test_rows_of_a_child_that_goes_on_stand_beside_the_parents(folder: Path) -> None:
    succeeded(
        program(
            """
    import os, runstore
    run = runstore.init(project="p", id="r")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        run.log({"loss": 1})
        os.write(ready[1], b".")
        os.read(go[0], 1)
        run.log({"loss": 2})
        os._exit(0)
    os.read(ready[0], 1)
    run.log({"loss": 3})
    os.write(go[1], b".")
    os.waitpid(child, 0)
    run.log({"loss": 4}, step=1)
    run.finish()
    """
        )
    )
    assert kinds(folder) == ["start", "rank"]
    parent, child = logs(folder)
    assert rows(parent) == [(0, {"loss": 3}), (1, {"loss": 4})]
    assert rows(child) == [(0, {"loss": 1}), (1, {"loss": 2})]


def test_a_child_without_rows_begins_no_log_of_the_parents(folder: Path) -> None:
    succeeded(
        program(
            """
    import os, runstore
    run = runstore.init(project="p", id="r")
    child = os.fork()
    if child == 0:
        print("a worker", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    run.log({"parent": 1})
    run.finish()
    """
        )
    )
    assert kinds(folder) == ["start", "rank"]
    assert rows(logs(folder)[0]) == [(0, {"parent": 1})]


def test_children_of_an_earlier_process_of_the_run_count_only_as_its_past(folder: Path) -> None:
    begin_and_fork = """
    import os, runstore
    run = runstore.init(project="p", id="r", resume="allow")
    run.log({"loss": LOSS})
    child = os.fork()
    if child == 0:
        run.log({"loss": LOSS + 1})
        os._exit(0)
    os.waitpid(child, 0)
    run.finish()
    """
    succeeded(program(begin_and_fork.replace("LOSS", "10")))
    succeeded(program(begin_and_fork.replace("LOSS", "20")))
    assert [rows(log) for log in logs(folder)] == [
        [(step, {"loss": loss})] for step, loss in enumerate((10, 11, 20, 21))
    ]


def test_a_run_that_was_handed_to_nobody_looks_at_no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runstore.sdk.turns.Turns.before", lambda self, names: pytest.fail("looked"))
    run = begin(project="p")
    run.log({"a": 1})
    run.finish()
    assert fold(only_log(folder)).facts.rows == 1
