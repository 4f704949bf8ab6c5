"""Hugging Face's Trainer with `report_to=["wandb"]`, through the shim and by stock alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runstore.paths import find_logs
from tests.conformance import stock
from tests.integrations.harness import STOCK, Trained, train
from tests.wandbserver.server import RecordingServer

SETTINGS = {"WANDB_PROJECT": "transformers", "WANDB_WATCH": "all"}
# The Trainer keeps these in the summary alone, as they are called.
ONCE = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos")
# What the Trainer itself adds to each line of its own log.
NOT_REPORTED = ("step",)


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    with_stock = request.param == "stock"
    return train(folder, "train_transformers.py", with_stock=with_stock, WANDB_LOG_MODEL="checkpoint", **SETTINGS)


def reported(key: str) -> str:
    """Return the name under which the callback reports a metric of the Trainer."""
    if key in ONCE:
        return key
    return key.replace("eval_", "eval/", 1) if key.startswith("eval_") else f"train/{key}"


def test_one_run_has_the_arguments_and_the_models_config(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("transformers")
        assert (run.id, run.name, run.state) == (trained.fact("run"), "tiny-bert", "finished")
        assert {name: run.config[name] for name in trained.fact("arguments")} == trained.fact("arguments")
        assert (run.config["hidden_size"], run.config["model_type"]) == (16, "bert")
        assert run.config["model/num_parameters"] == trained.fact("parameters")


def test_every_metric_of_the_trainer_has_its_last_value(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("transformers")
        for key, value in trained.fact("metrics").items():
            if key not in NOT_REPORTED:
                assert run.summary[reported(key)] == value, key
        steps = [row["train/global_step"] for row in run.scan_history(keys=["train/loss", "train/global_step"])]
        assert steps == list(range(10, trained.fact("steps"), 10))
        evaluated = [row["train/global_step"] for row in run.scan_history(keys=["eval/accuracy", "train/global_step"])]
        assert evaluated == [trained.fact("steps") // 2, trained.fact("steps")]


def test_gradients_and_parameters_are_histograms(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("transformers")
        for kind in ("gradients", "parameters"):
            (row, *_) = run.scan_history(keys=[f"{kind}/classifier.weight._type"])
            assert row[f"{kind}/classifier.weight._type"] == "histogram"


def test_the_table_of_predictions_is_that_of_the_program(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("transformers")
        table = run.summary["predictions"]
        assert (table["_type"], table["nrows"]) == ("table-file", len(trained.fact("table")))
        (file,) = run.files([table["path"]])
        with file.download(str(trained.folder / "downloaded")) as copy:
            assert json.load(copy)["data"] == trained.fact("table")


def test_each_checkpoint_is_a_version_and_the_last_model_is_latest(trained: Trained) -> None:
    with trained.api() as api:
        aliases = [set(version.aliases) for version in api.artifacts("model", "transformers/model-tiny-bert")]
        assert sorted(map(sorted, aliases)) == [
            ["base_model"],
            ["checkpoint_global_step_128", "epoch_2.0"],
            ["checkpoint_global_step_64", "epoch_1.0"],
            ["final_model", "latest"],
        ]
        name = "transformers/model-tiny-bert"
        half, last = (api.artifact(f"{name}:checkpoint_global_step_{step}") for step in (64, 128))
        assert (half.version, last.version, api.artifact(f"{name}:final_model").version) == ("v1", "v2", "v3")
        assert last.metadata["train/global_step"] == trained.fact("steps")
        assert "model.safetensors" in last.manifest.entries
        logged_by = last.logged_by()
        assert logged_by is not None
        assert logged_by.id == trained.fact("run")


def test_the_final_model_is_found_by_its_name_and_has_the_trained_weights(trained: Trained) -> None:
    if "stock" in trained.folder.name:
        return  # it can look up no artifact offline
    assert trained.fact("retrieved") == trained.fact("weights")
    with trained.api() as api:
        used_by = api.artifact("transformers/model-tiny-bert:latest").used_by()
        assert [run.id for run in used_by] == [trained.fact("run")]


def test_stock_sync_delivers_the_run_with_its_checkpoints(trained: Trained) -> None:
    if "stock" in trained.folder.name:
        return  # what stock wrote is not what this is about
    (log,) = find_logs(trained.folder)
    with RecordingServer() as server:
        stock.sync(STOCK, log.parent, server.url)
        assert (server.errors, server.unknown_operations) == ([], [])
        (run,) = server.runs
        assert (run.run_id, run.exit_code) == (trained.fact("run"), 0)
        for key, value in trained.fact("metrics").items():
            if key not in NOT_REPORTED:
                assert run.summary[reported(key)] == value, key
        models = [artifact for artifact in server.artifacts if artifact.announced["artifactTypeName"] == "model"]
        aliases = [[alias["alias"] for alias in artifact.announced["aliases"]] for artifact in models]
        assert [sorted(some) for some in aliases] == [
            ["base_model", "latest"],
            ["checkpoint_global_step_64", "epoch_1.0", "latest"],
            ["checkpoint_global_step_128", "epoch_2.0", "latest"],
            ["final_model", "latest"],
        ]
        assert all("model.safetensors" in artifact.files for artifact in models[1:])


def test_the_model_of_the_end_alone_is_logged_where_that_is_asked_for(tmp_path: Path) -> None:
    trained = train(tmp_path, "train_transformers.py", WANDB_LOG_MODEL="end", **SETTINGS)
    with trained.api() as api:
        versions = api.artifacts("model", "transformers/model-tiny-bert")
        assert sorted(tuple(version.aliases) for version in versions) == [("base_model",), ("final_model", "latest")]
    assert trained.fact("retrieved") == trained.fact("weights")
