"""Lightning's WandbLogger, unmodified: what its guide shows is recorded, through the shim and by stock alike.

Of what is checked here, stock refuses offline to find an artifact again.
"""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path

import pytest

from tests.integrations import lightning, recorded
from tests.integrations.harness import Trained


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return lightning.trained(tmp_path_factory, request.param)


def test_there_is_one_run_with_the_config_of_the_program(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightning")
        assert (run.id, run.name, run.state) == (trained.fact("run"), "classifier", "finished")
        given = {"data": "bright sides", "batch_size": 16, "stages": {"warmup": 0}}
        assert run.config == given | trained.fact("hyperparameters")


def test_every_metric_has_each_value_that_the_trainer_logged(trained: Trained) -> None:
    logged = lightning.own_series(trained.folder / trained.fact("metrics"))
    assert {"train/loss_step", "train/loss_epoch", "val/loss", "val/accuracy", "epoch"} == logged.keys()
    with trained.api() as api:
        (run,) = api.runs("lightning")
        assert len(logged["train/loss_step"]) == trained.fact("steps")
        for key, values in logged.items():
            assert lightning.series(run, key) == values, key
            if not key.startswith("val/"):
                assert run.summary[key] == values[-1][1], key
        assert run.summary["val/accuracy"] == {"max": trained.fact("score")}
        assert run.summary["val/loss"] == {"min": min(value for _, value in logged["val/loss"])}


def test_gradients_and_parameters_are_histograms_and_the_graph_names_the_modules(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightning")
        passes = {"gradients": trained.fact("steps")}  # the others are in training, 2 at first, and 4 after each epoch
        passes["parameters"] = passes["gradients"] + 2 + 3 * 4
        for name in trained.fact("parameters"):
            for kind in passes:
                types = [row[f"{kind}/{name}._type"] for row in run.scan_history(keys=[f"{kind}/{name}._type"])]
                assert types == ["histogram"] * (passes[kind] // 5)
        graph = json.loads(recorded.file_of(run, run.summary["graph_0"]["path"]).read_text())
        assert [node["name"] for node in graph["nodes"] if node.get("name")] == [f"net.{n}" for n in range(4)]


def test_pictures_have_the_points_and_captions_that_were_logged(trained: Trained) -> None:
    brightness = trained.fact("brightness")
    with trained.api() as api:
        (run,) = api.runs("lightning")
        rows = list(run.scan_history(keys=["sample_images.filenames"]))
        assert len(rows) == 3
        for names in (*[row["sample_images.filenames"] for row in rows], run.summary["sample_images"]["filenames"]):
            assert [recorded.brightness(recorded.file_of(run, name)) for name in names] == brightness
        assert run.summary["sample_images"]["captions"] == trained.fact("captions")
        marked = run.summary["marked"]
        assert recorded.brightness(recorded.file_of(run, marked["filenames"][0])) == brightness[0]
        assert recorded.brightness(recorded.file_of(run, marked["all_masks"][0]["bright"]["path"])) == trained.fact(
            "bright"
        )
        boxes = json.loads(recorded.file_of(run, marked["all_boxes"][0]["sides"]["path"]).read_text())
        assert boxes["box_data"][0]["position"] == {"minX": 0, "maxX": 0.5, "minY": 0, "maxY": 1}


def test_files_and_sound_are_those_of_the_program(trained: Trained) -> None:
    files = trained.fact("files")
    with trained.api() as api:
        (run,) = api.runs("lightning")
        for key, (name, digest) in zip(("from_file", "moving"), files.items(), strict=True):
            (logged,) = run.summary[key].get("filenames") or [each["path"] for each in run.summary[key]["videos"]]
            assert hashlib.sha256(recorded.file_of(run, logged).read_bytes()).hexdigest() == digest, name
        (sound,) = run.summary["sounds"]["audio"]
        assert sound["caption"] == "a tone"
        with wave.open(str(recorded.file_of(run, sound["path"]))) as tone:
            assert (tone.getframerate(), tone.getnframes()) == (8000, 8000)


def test_tables_have_the_rows_and_pictures_that_were_logged(trained: Trained, tmp_path: Path) -> None:
    with trained.api() as api:
        (run,) = api.runs("lightning")
        made = recorded.artifacts_of(run, "run_table")
        for key in ("samples", "framed"):
            table = recorded.table_named(made[f"run-{run.id}-{key}:v0"], tmp_path / key)
            assert (table["columns"], table["data"]) == (["text", "label"], trained.fact("text"))
        versions = [name for name in made if name.startswith(f"run-{run.id}-sample_table:")]
        last = recorded.table_named(made[max(versions)], tmp_path / "pictures")
    assert [row[1:] for row in last["data"]] == trained.fact("table")
    pictures = [tmp_path / "pictures" / row[0]["path"] for row in last["data"]]
    assert [recorded.brightness(path) for path in pictures] == trained.fact("brightness")


def test_each_checkpoint_is_a_version_and_the_newest_is_latest_and_another_the_best(trained: Trained) -> None:
    with trained.api() as api:
        model = f"lightning/model-{trained.fact('run')}"
        made = recorded.artifacts_of(api.run(f"lightning/{trained.fact('run')}"), "model")
        contents = {}
        for artifact in made.values():
            contents[artifact.metadata["original_filename"]] = artifact.manifest.entries["model.ckpt"].digest
            logged_by = artifact.logged_by()
            assert logged_by is not None
            assert logged_by.id == trained.fact("run")
        assert contents == trained.fact("checkpoints")
        assert sorted(artifact.version for artifact in made.values()) == ["v0", "v1", "v2"]
        best, latest = (api.artifact(f"{model}:{alias}") for alias in ("best", "latest"))
        assert best.metadata["original_filename"] == trained.fact("best")
        assert latest.metadata["original_filename"] == max(trained.fact("checkpoints"))
        assert best.version != latest.version
        assert best.metadata["score"] == trained.fact("score")


def test_the_best_checkpoint_is_loaded_in_its_own_run_when_its_file_is_gone(trained: Trained) -> None:
    if "stock" in trained.folder.name:
        return
    assert trained.fact("retrieved") == trained.fact("weights")
    with trained.api() as api:
        used_by = api.artifact(f"lightning/model-{trained.fact('run')}:best").used_by()
        assert [run.id for run in used_by] == [trained.fact("run")]
