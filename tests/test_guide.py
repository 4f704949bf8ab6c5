"""The guide for authors of libraries: its code is a library, which does what the guide says."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runstore.query.stock import Api
from tests.commands import Bench
from tests.conformance import stock
from tests.timing import HANGS_SECONDS

GUIDE = (Path(__file__).parents[1] / "docs" / "add_to_your_library.md").read_text(encoding="utf-8")
TRAINING = """
import pathlib, sys
import numpy
import yourlib
from yourlib import Tracker

assert yourlib.tracking_is_there()
pathlib.Path("data").mkdir()
pathlib.Path("data/rows.txt").write_text("1 2 3")

first = Tracker("guide", {"lr": 0.1}, name="first")
yourlib.declare_data(first, "numbers", "data")
yourlib.describe(first, {"w": [1, 2], "b": [3]}, 7)
yourlib.define_axes(first)
yourlib.train(first, 3, 4)
pictures = [numpy.full((4, 4, 3), shade, numpy.uint8) for shade in (0, 255)]
yourlib.show_predictions(first, pictures, [0, 1], [0, 0])
for epoch, accuracy in enumerate((0.8, 0.9, 0.8)):
    pathlib.Path("model.txt").write_text(f"epoch {epoch}")
    yourlib.log_checkpoint(first, "model.txt", accuracy, accuracy == 0.9)
    pathlib.Path("model.txt").unlink()
first.finish()

second = Tracker("guide", {"lr": 0.2}, name="second")
assert pathlib.Path(yourlib.load_data(second, "numbers"), "rows.txt").read_text() == "1 2 3"
inner = Tracker("guide", {"lr": 0.3})
inner.finish()
second.run.log({"still": "going on"})
second.finish()

assert yourlib.best_run("guide", 0.5) == first.run.id
assert pathlib.Path(yourlib.best_model("guide", first.run.id), "model.txt").read_text() == "epoch 1"
"""
# What W&B's library can do of it offline.
WITH_STOCK = """
import pathlib, numpy, yourlib
from yourlib import Tracker

tracker = Tracker("guide", {"lr": 0.1}, name="first")
yourlib.describe(tracker, {"w": [1, 2], "b": [3]}, 7)
yourlib.define_axes(tracker)
yourlib.train(tracker, 3, 4)
yourlib.show_predictions(tracker, [numpy.zeros((4, 4, 3), numpy.uint8)], [0], [1])
pathlib.Path("model.txt").write_text("all")
yourlib.log_checkpoint(tracker, "model.txt", 0.9, True)
try:
    yourlib.load_data(tracker, "numbers")
except TypeError:
    print("refused")
tracker.finish()
"""
RANK = """
import sys
import yourlib

way, rank, run_id = sys.argv[1], int(sys.argv[2]), (*sys.argv, None)[3]
if way == "main":
    tracker = yourlib.begun_by_main_process(rank, way, {"lr": 0.1})
elif way == "each":
    tracker = yourlib.begun_by_each(rank, way, {"lr": 0.1}, "all")
else:
    tracker = yourlib.begun_together(rank, way, {"lr": 0.1}, run_id)
if tracker is not None:
    tracker.run.log({f"loss of {rank}": rank})
    print(tracker.run.id, flush=True)
    if way == "together" and rank == 0:
        sys.stdin.read()  # the main process waits for the other
    tracker.finish()
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", GUIDE, re.DOTALL)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder that holds the guide's library and programs that use it."""
    (tmp_path / "yourlib.py").write_text("\n\n".join(blocks("python")))
    (tmp_path / "train.py").write_text(TRAINING)
    (tmp_path / "rank.py").write_text(RANK)
    return Bench(tmp_path)


@pytest.fixture
def api(bench: Bench) -> Iterator[Api]:
    """An index of what was recorded there, once it is asked."""
    found = Api(index=bench.folder / "index.db", refresh=False)
    yield found
    found.close()


def started(bench: Bench, program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runstore", "run", "-q", "--", sys.executable, program, *arguments],
        cwd=bench.folder,
        env={**bench.environment, "WANDB_SILENT": "true"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    with process:
        said, trouble = process.communicate(timeout=HANGS_SECONDS)
    assert process.returncode == 0, trouble
    return said.strip()


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("started_by", ["command", "import", "call"])
def test_the_library_of_the_guide_records_what_it_says(bench: Bench, api: Api, started_by: str) -> None:
    if started_by == "command":
        (command,) = blocks("sh")
        assert command == "runstore run -- python train.py\n"
        ended(started(bench, "train.py"))
    elif started_by == "import":
        library = bench.folder / "yourlib.py"
        library.write_text(library.read_text().replace("import wandb\n", "import runstore as wandb\n"))
        succeeded(bench.train(TRAINING))
    else:
        succeeded(bench.train(f"import runstore\nrunstore.install_as_wandb()\n{TRAINING}"))
    api.catch_up_below(bench.folder)
    first, second = sorted(api.runs("guide"), key=lambda run: run.name)
    assert first.config == {"lr": 0.1, "model": {"layers": 2, "parameters": 3}, "rows": 7}
    assert first.summary["val/accuracy"]["max"] == 0.9
    assert [row["batch"] for row in first.scan_history(keys=["train/loss", "batch"])] == list(range(12))
    assert (first.summary["examples"]["count"], first.summary["predictions"]["nrows"]) == (2, 2)
    model = api.artifact(f"guide/model-{first.id}:best", type="model")
    assert (model.version, model.metadata) == ("v1", {"accuracy": 0.9})
    assert api.artifact(f"guide/model-{first.id}:latest").version == "v2"
    # The tracker in the second run has changed its config, and has left its end to the one that began it.
    assert (second.config["lr"], second.summary["still"], second.state) == (0.3, "going on", "finished")
    assert [run.id for run in api.artifact("guide/numbers:latest").used_by()] == [first.id, second.id]


def test_the_library_of_the_guide_serves_stock_as_well(bench: Bench, api: Api) -> None:
    done = stock.run_script(stock.STOCK_VERSIONS[0], WITH_STOCK, bench.folder, {"WANDB_SILENT": "true"})
    assert (done.returncode, "refused" in done.stdout) == (0, True), done.stderr
    api.catch_up_below(bench.folder)
    (run,) = api.runs("guide")
    assert run.config == {"lr": 0.1, "model": {"layers": 2, "parameters": 3}, "rows": 7}
    assert run.summary["val/accuracy"]["max"] == 0.9
    assert api.artifact(f"guide/model-{run.id}:best").version == "v0"


@pytest.mark.parametrize(("way", "names"), [("main", [0]), ("each", [0, 1]), ("together", [0, 1])])
def test_several_processes_have_as_many_runs_as_the_guide_says(
    bench: Bench, api: Api, way: str, names: list[int]
) -> None:
    main = started(bench, "rank.py", way, "0")
    assert main.stdout is not None
    run_id = main.stdout.readline().strip()
    ended(started(bench, "rank.py", way, "1", run_id))
    ended(main)
    api.catch_up_below(bench.folder)
    runs = list(api.runs(way))
    assert len(runs) == (2 if way == "each" else 1)
    assert {run.group for run in runs} == ({"all"} if way == "each" else {""})
    logged: dict[str, Any] = {key: run.summary[key] for run in runs for key in run.summary if key.startswith("loss")}
    assert logged == {f"loss of {rank}": rank for rank in names}
    assert all(run.state == "finished" and run.config == {"lr": 0.1} for run in runs)


def test_disabled_does_nothing_and_no_wandb_is_said(bench: Bench) -> None:
    (bench.folder / "train.py").write_text(
        "import yourlib\n"
        'tracker = yourlib.Tracker("guide", {}, mode="disabled")\n'
        "yourlib.train(tracker, 1, 1)\n"
        "tracker.finish()\n"
        "assert yourlib.wandb.login() is False\n"
    )
    ended(started(bench, "train.py"))
    assert not (bench.folder / "wandb").exists()
    (bench.folder / "wandb").mkdir()  # as run directories lie in it: an empty package to Python
    done = bench.train("import yourlib\nassert not yourlib.tracking_is_there()\nyourlib.Tracker('guide', {})")
    assert "ImportError: tracking needs wandb: pip install 'yourlib[tracking]'" in done.stderr


def test_the_extra_is_valid_toml() -> None:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    (block,) = blocks("toml")
    assert toml.loads(block)["project"]["optional-dependencies"] == {"tracking": ["wandb>=0.19"]}
    assert len(re.findall("^```[a-z]+$", GUIDE, re.MULTILINE)) == len(blocks("sh") + blocks("toml") + blocks("python"))
