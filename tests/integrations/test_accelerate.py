"""Hugging Face Accelerate with `log_with="wandb"`, two processes: one run, through the shim and by stock alike."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from runstore.query.stored.run import StoredRun
from tests.integrations.harness import Trained, train

LAUNCHER = ("accelerate", "launch", "--multi_gpu", "--num_processes", "2")


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_accelerate.py", launcher=LAUNCHER, with_stock=request.param == "stock")


@pytest.fixture
def run(trained: Trained) -> Iterator[StoredRun]:
    """The one run there is."""
    with trained.api() as api:
        (found,) = api.runs("accelerate")
        yield found


def test_two_processes_make_one_run_with_the_config_of_the_trackers(trained: Trained, run: StoredRun) -> None:
    assert {facts["process"] for facts in trained.facts if "process" in facts} == {0, 1}
    assert (run.id, run.name, run.tags, run.state) == (trained.fact("run"), "plane", ["guide"], "finished")
    assert run.config == {"num_epochs": 2, "lr": 0.05, "batch_size": 16, "data": "a plane"}


def test_the_metrics_are_those_of_the_main_process_at_its_steps(trained: Trained, run: StoredRun) -> None:
    (main,) = [facts for facts in trained.facts if facts.get("process") == 0]
    rows = list(run.scan_history(keys=["train/loss", "epoch"]))
    assert [row["_step"] for row in rows] == list(range(1, main["steps"] + 1))
    assert rows[-1]["train/loss"] == run.summary["train/loss"] == main["loss"]
    assert run.summary["finished_at"] == main["steps"]


def test_pictures_and_tables_are_those_that_were_made(trained: Trained, run: StoredRun) -> None:
    pixels = np.array(trained.fact("pixels"), np.uint8)
    (signs,) = run.files([run.summary["signs"]["filenames"][0]])
    (picture,) = run.files([run.summary["picture"]["path"]])
    for file in (signs, picture):
        with file.download(str(trained.folder / "downloaded"), exist_ok=True) as copy:
            assert (np.asarray(Image.open(copy.name).convert("RGB")) == pixels).all()
    assert run.summary["picture"]["caption"] == "signs of the weights"
    (table,) = run.files([run.summary["weights"]["path"]])
    with table.download(str(trained.folder / "downloaded"), exist_ok=True) as copy:
        assert json.load(copy)["data"] == trained.fact("rows")
