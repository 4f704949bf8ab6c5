"""`sync_tensorboard`: event files are read into the run, by us through the shim, and by W&B's own client.

Less what W&B's own leaves out: texts.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from runstore.query.stock import Api
from runstore.query.stored.run import StoredRun
from tests.integrations.harness import Trained, train

STEPS = 40


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_tensorboard.py", with_stock=request.param == "stock")


def run_named(api: Api, name: str) -> StoredRun:
    (run,) = api.runs("tensorboard", filters={"display_name": name})
    return run


def test_scalars_of_two_folders_are_told_apart_by_their_names(trained: Trained) -> None:
    with trained.api() as api:
        run = run_named(api, "curves")
        assert run.id == trained.fact("run")
        for key, values in (("train/loss", trained.fact("losses")), ("train/rate/lr", trained.fact("rates"))):
            rows = list(run.scan_history(keys=[key, "global_step"]))
            assert [row["global_step"] for row in rows] == list(range(STEPS))
            assert [row[key] for row in rows] == pytest.approx(values, rel=1e-6)
        rows = list(run.scan_history(keys=["val/loss", "global_step"]))
        assert [row["global_step"] for row in rows] == [9, 19, 29, 39]
        assert [row["val/loss"] for row in rows] == pytest.approx(
            [1.1 * trained.fact("losses")[step] for step in (9, 19, 29, 39)], rel=1e-6
        )


def test_the_event_files_are_files_of_the_run(trained: Trained) -> None:
    with trained.api() as api:
        names = [file.name for file in run_named(api, "curves").files() if "tfevents" in file.name]
        assert sorted(Path(name).parent.name for name in names) == ["train", "val"]


def test_histograms_pictures_and_curves_are_those_that_were_written(trained: Trained) -> None:
    with trained.api() as api:
        run = run_named(api, "media")
        weights = run.summary["weights"]
        assert weights["values"] == trained.fact("counts")
        assert weights["bins"] == pytest.approx(trained.fact("edges"))
        (name,) = run.summary["samples/first"]["filenames"]
        picture = Path(unquote(urlsplit(run.file(name).url).path))
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == trained.fact("picture")
        assert (run.summary["curve"]["_type"], run.summary["curve"]["ncols"]) == ("table-file", 2)
        assert (run.summary["loss"], run.summary["global_step"], run.summary["beside"]) == (0.25, 6, 1.5)
        if "stock" not in trained.folder.name:
            assert run.summary["remark/text_summary"] == "it *learns*"
