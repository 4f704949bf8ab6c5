"""`runstore export`."""

from __future__ import annotations

import csv
import os
import pty
import subprocess
import sys

import pytest

from tests.commands import ONE_RUN, Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with two runs."""
    bench = Bench(tmp_path_factory.mktemp("export"))
    for script in (ONE_RUN, ONE_RUN.replace('"one"', '"two"').replace('"lr": 0.1', '"lr": 0.5')):
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    return bench


def test_runs_are_named_or_filtered_or_all(bench: Bench) -> None:
    assert bench.json("export", "one", "named", "--to", "csv")["runs"] == 1
    filtered = bench.json("export", "lr>0.2", "demo/two", "filtered", "--to", "csv")
    assert list(filtered["files"]) == ["demo/two"]
    assert bench.json("export", "all", "--to", "csv")["runs"] == 2


def test_the_result_says_where_everything_is(bench: Bench) -> None:
    said = bench.json("export", "one", "there", "--to", "csv", "--keys", "loss, acc")
    assert said == {
        "format": "csv",
        "runs": 1,
        "points": 20,
        "table": "there/runs.csv",
        "files": {"demo/one": "there/one.csv"},
    }
    with (bench.folder / "there" / "one.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["_step", "loss", "acc"]
    assert rows[10] == ["9", "0.1", "0.9"]


def test_what_is_there_is_not_overwritten_unless_forced(bench: Bench) -> None:
    bench.runstore("export", "one", "twice", "--to", "jsonl")
    assert "would be overwritten" in bench.sentence("export", "one", "twice", "--to", "jsonl", code=2)
    bench.runstore("export", "one", "twice", "--to", "jsonl", "--force")


def test_a_run_that_is_not_known_is_said_to_be_missing(bench: Bench) -> None:
    assert "no run is called 'nix'" in bench.sentence("export", "nix", "none", "--to", "csv", code=3)
    assert not (bench.folder / "none").exists()


def test_a_run_in_the_folders_place_is_no_folder(bench: Bench) -> None:
    assert "one is a run: name the folder too" in bench.sentence("export", "one", "--to", "csv", code=2)
    assert not (bench.folder / "one").exists()


def test_progress_is_shown_on_a_terminal_alone(bench: Bench) -> None:
    said = bench.runstore("export", "one", "quietly", "--to", "csv")
    assert said.stderr == ""
    assert said.stdout == "1 run with 44 points is in quietly; runs.csv lists them\n"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "runstore", "export", "one", "loudly", "--to", "csv"]
    done = subprocess.run(command, cwd=bench.folder, env=bench.environment, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    assert done.returncode == 0
    assert b"exporting" in os.read(ours, 10_000)
    os.close(ours)
