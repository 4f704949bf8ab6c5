"""What people change of a stored run is delivered like its log, and counts for a process that goes on with the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.syncd.watching.naming import log_of
from tests.commands import ONE_RUN, Bench

EDIT = """
    from runstore import Api
    run = Api().run("one")
    run.name, run.tags = "edited", ["a", "b"]
    run.config["lr"] = 0.5
    run.summary["best"] = 0.125
    run.update()
"""

RESUME = """
    import runstore
    with runstore.init(project="demo", id="one", resume="must") as run:
        assert (run.name, run.tags, run.config["lr"]) == ("edited", ("a", "b"), 0.5), (run.name, run.tags, run.config)
        assert run.summary["best"] == 0.125
        run.log({"loss": 0.01})
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    for script in (ONE_RUN, EDIT):
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    return bench


def test_edits_are_delivered_once_and_files_with_the_run_log_alone(bench: Bench) -> None:
    (edits,) = bench.folder.glob("wandb/*/run-one.edits.rslog")
    files = len(list((edits.parent / "files").iterdir()))
    with bench.hub():
        first = bench.json("sync")
        assert (first["runs"], first["logs"], first["verified"], first["files_sent"]) == (1, 2, 2, files)
        assert bench.json("runs", "show", "one", "--remote", "lab") == bench.json("runs", "show", "one")
        assert bench.json("runs", "show", "one", "--remote", "lab")["name"] == "edited"
        again = bench.json("sync")
        assert (again["bytes_sent"], again["verified"]) == (0, 2)
        done = bench.train(EDIT.replace("edited", "edited again"))
        assert done.returncode == 0, done.stderr
        later = bench.json("sync")
        assert 0 < later["bytes_sent"] < 200
        assert later["records"] == 1
        assert bench.json("runs", "show", "one", "--remote", "lab")["name"] == "edited again"
    assert (edits.parent / "run-one.edits.runstore.json").exists()


def test_edits_that_arrive_before_their_run_wait_for_it(bench: Bench) -> None:
    (edits,) = bench.folder.glob("wandb/*/run-one.edits.rslog")
    with bench.hub():
        bench.json("sync", str(edits))
        assert bench.json("runs", "list", "--remote", "lab") == []
        bench.json("sync")
        assert bench.json("runs", "show", "one", "--remote", "lab")["tags"] == ["a", "b"]


def test_a_process_that_resumes_a_run_goes_on_with_what_was_edited(bench: Bench) -> None:
    done = bench.train(RESUME)
    assert done.returncode == 0, done.stderr
    shown = bench.json("runs", "show", "one")
    assert (shown["name"], shown["tags"], shown["config"]["lr"]) == ("edited", ["a", "b"], 0.5)
    assert (shown["summary"]["best"], shown["summary"]["loss"]) == (0.125, 0.01)
    renamed = bench.train(RESUME + '        run.name = "by the program"\n')
    assert renamed.returncode == 0, renamed.stderr
    assert bench.json("runs", "show", "one")["name"] == "by the program"


def test_verify_reads_logs_of_edits(bench: Bench) -> None:
    found = bench.json("verify", "wandb")
    edits, run = found
    assert (Path(edits["path"]).suffix, edits["intact"], edits["records"]) == (".rslog", True, 3)
    assert (Path(run["path"]).suffix, run["intact"]) == (".wandb", True)


def test_events_of_edit_logs_are_their_own() -> None:
    folder = Path("/x/wandb/offline-run-20240101_000000-a-b")
    edits = folder / "run-a-b.edits.rslog"
    assert log_of(edits) == edits
    assert log_of(folder / "files" / "x") == folder / "run-a-b.wandb"
    for name in ("run-a-b.wandb", "run-a-b.runstore.json", "run-a-b.edits.runstore.json"):
        assert log_of(folder / name) == folder / "run-a-b.wandb"
