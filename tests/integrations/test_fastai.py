"""fastai's WandbCallback, unmodified: each of its arguments has its effect, on rows of a table and on pictures.

Of what is checked here, stock refuses offline to use an artifact, and so to log a dataset.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integrations import recorded
from tests.integrations.harness import Trained, train

WAYS = ("runstore", "stock")
TABULAR, VISION = "train_fastai_tabular.py", "train_fastai_vision.py"
Training = Callable[[str, str], Trained]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Return what trains an example in one of the ways, once."""

    @functools.cache
    def once(example: str, way: str) -> Trained:
        return train(tmp_path_factory.mktemp(way), example, with_stock=way == "stock")

    return once


@pytest.fixture(params=WAYS)
def rows(request: pytest.FixtureRequest, training: Training) -> Trained:
    return training(TABULAR, request.param)


@pytest.fixture(params=WAYS)
def pictures(request: pytest.FixtureRequest, training: Training) -> Trained:
    return training(VISION, request.param)


def retrieves(trained: Trained) -> bool:
    """Return whether the program could use artifacts: with stock it can't."""
    return "stock" not in trained.folder.name


def named(trained: Trained, name: str) -> dict[str, Any]:
    (found,) = [facts for facts in trained.facts if facts.get("name") == name]
    return found


@pytest.mark.parametrize("example", [TABULAR, VISION])
@pytest.mark.parametrize("way", WAYS)
def test_the_callback_had_no_reason_to_complain(training: Training, example: str, way: str) -> None:
    said = training(example, way).output
    assert "WandbCallback" not in said, "it prints what went wrong, and goes on"
    assert "Could not gather" not in said


@pytest.mark.parametrize("example", [TABULAR, VISION])
def test_config_is_what_stock_makes_of_the_same_objects(training: Training, example: str) -> None:
    configs: list[dict[str, Any]] = []
    for way in WAYS:
        with training(example, way).api() as api:
            configs.append({str(run.name): recorded.plain(run.config) for run in api.runs("fastai")})
            for config in configs[-1].values():
                config["WandbCallback"].pop("log_dataset")  # which stock can't
    assert configs[0] == configs[1]


def test_the_arguments_and_the_learner_are_in_the_config(rows: Trained) -> None:
    with rows.api() as api:
        (run,) = api.runs("fastai")
        assert (run.id, run.name, run.state) == (rows.fact("run"), "rooms", "finished")
        config = run.config
        assert config["rows"] == 1100
        assert config["WandbCallback"] == {
            "log": "all", "log_preds": True, "log_preds_every_epoch": True, "log_model": True,
            "model_name": "rooms-model", "log_dataset": retrieves(rows), "dataset_name": "rooms", "valid_dl": None,
            "n_preds": 5, "seed": 7, "reorder": False,
        }  # fmt: skip
        assert config["model parameters"] == sum(rows.fact("layers").values())
        assert (config["Learner"]["lr"], config["Learner"]["path"]) == (0.001, "data")
        assert config["Learner"]["opt_func"] == "fastai.optimizer.Adam"
        assert config["SaveModelCallback"]["fname"] == "rooms-model"


def test_metrics_of_both_phases_are_those_of_the_learner(rows: Trained) -> None:
    with rows.api() as api:
        (run,) = api.runs("fastai")
        recorded.assert_last_values(run, rows.fact("metrics"))
        losses = [row["_step"] for row in run.scan_history(keys=["train_loss", "raw_loss", "train_samples_per_sec"])]
        assert losses == list(range(rows.fact("steps")))
        assert len(list(run.scan_history(keys=["valid_loss"]))) == 2


def test_gradients_and_parameters_of_every_layer_are_watched(rows: Trained) -> None:
    with rows.api() as api:
        (run,) = api.runs("fastai")
        for layer, count in rows.fact("layers").items():
            for kind in ("gradients", "parameters"):
                assert sum(run.summary[f"{kind}/{layer}"]["values"]) == count, f"{kind}/{layer}"


def test_predictions_of_the_chosen_rows_are_shown_after_every_epoch(rows: Trained, tmp_path: Path) -> None:
    with rows.api() as api:
        (run,) = api.runs("fastai")
        shown = [row["_step"] for row in run.scan_history(keys=["Prediction_Samples.path"])]
        assert shown == [rows.fact("steps") // 2 - 1, rows.fact("steps") - 1]
        artifact = list(recorded.artifacts_of(run, "run_table").values())[-1]
        table = recorded.table_named(artifact, tmp_path)
    assert table["columns"] == ["side", "floor", "size", "bright", "bright_pred"]
    answers = ["no", "yes"]
    assert [answers[int(row[-1])] for row in table["data"]] == rows.fact("guesses")
    validation = rows.fact("validation")
    chosen = random.Random(7).sample(range(len(validation)), 5)
    assert [answers[int(row[-2])] for row in table["data"]] == [validation[number][-1] for number in chosen]


def test_each_phase_made_a_version_of_the_model_and_the_last_is_latest(rows: Trained) -> None:
    with rows.api() as api:
        (run,) = api.runs("fastai")
        versions = recorded.artifacts_of(run, "model")
        assert {name: artifact.aliases for name, artifact in versions.items()} == {
            "rooms-model:v0": [],
            "rooms-model:v1": ["latest"],
        }
        metrics = rows.fact("metrics")
        assert versions["rooms-model:v1"].metadata == {key: str(metrics[key]) for key in ("valid_loss", "accuracy")}
        assert list(versions["rooms-model:v1"].manifest.entries) == ["rooms-model.pth"]
        used = [artifact.name for artifact in run.used_artifacts()]  # each phase used the dataset
        assert used == (["rooms:v0", "rooms-model:v1"] if retrieves(rows) else [])


def test_a_logged_dataset_is_an_input_and_found_again_by_its_name(rows: Trained, pictures: Trained) -> None:
    if not (retrieves(rows) and retrieves(pictures)):
        return
    assert rows.fact("retrieved_rows") == 1100
    assert rows.fact("retrieved_weights") == pytest.approx(rows.fact("model"), rel=1e-12)
    with rows.api() as api:
        dataset = api.artifact("fastai/rooms:latest", type="dataset")
        files = [name for name in rows.fact("files") if not name.startswith("models")]
        assert sorted(dataset.manifest.entries) == files
        assert dataset.metadata == {"path relative to learner": "."}
        assert [run.id for run in dataset.used_by()] == [rows.fact("run")]
    with pictures.api() as api:
        assert sorted(api.artifact("fastai/squares:v0").manifest.entries) == pictures.fact("dataset")
        by_hand = api.artifact("fastai/squares-with-corners:latest")
        assert (by_hand.description, by_hand.metadata) == ("squares", {"side": "32"})
        assert [run.name for run in by_hand.used_by()] == ["points"]


def test_each_network_has_a_run_with_its_metrics(pictures: Trained) -> None:
    with pictures.api() as api:
        runs = {run.name: run for run in api.runs("fastai")}
        assert sorted(runs) == ["labels", "masks", "points"]
        for name, run in runs.items():
            facts = named(pictures, str(name))
            assert (run.id, run.group, run.state) == (facts["run"], "vision", "finished")
            recorded.assert_last_values(run, facts["metrics"])
            assert run.lastHistoryStep == facts["steps"] - 1
            losses = [row["_step"] for row in run.scan_history(keys=["train_loss"])]
            assert losses == list(range(facts["steps"]))


def test_labels_are_shown_with_the_pictures_that_were_chosen(pictures: Trained, tmp_path: Path) -> None:
    facts = named(pictures, "labels")
    with pictures.api() as api:
        run = api.run(facts["run"])
        (artifact,) = recorded.artifacts_of(run, "run_table").values()
        table = recorded.table_named(artifact, tmp_path)
    assert table["columns"] == ["Input image", "Ground_Truth", "Predictions"]
    assert [recorded.brightness(tmp_path / row[0]["path"]) for row in table["data"]] == facts["pictures"]
    for column, key in ((1, "truths"), (2, "guesses")):
        assert [row[column] for row in table["data"]] == [facts["vocabulary"][number] for number in facts[key]]


def test_masks_are_shown_over_the_pictures_that_were_given(pictures: Trained, tmp_path: Path) -> None:
    facts = named(pictures, "masks")
    with pictures.api() as api:
        (artifact,) = recorded.artifacts_of(api.run(facts["run"]), "run_table").values()
        table = recorded.table_named(artifact, tmp_path)
    truths, guesses = ([row[column]["masks"] for row in table["data"]] for column in (1, 2))
    for said, noted in (
        ([row[0]["path"] for row in table["data"]], facts["pictures"]),
        ([mask["Ground_Truth"]["path"] for mask in truths], facts["truths"]),
        ([mask["Prediction"]["path"] for mask in guesses], facts["guesses"]),
    ):
        assert [recorded.brightness(tmp_path / path) for path in said] == noted


def test_points_are_drawn_and_their_files_are_whole(pictures: Trained) -> None:
    with pictures.api() as api:
        run = api.run(named(pictures, "points")["run"])
        for key, caption in (("Inputs", "Input_data"), ("Predictions", "Prediction"), ("Ground_Truth",) * 2):
            shown = run.summary[key]
            assert (shown["count"], shown["captions"]) == (2, [caption, caption])
            for name in shown["filenames"]:
                recorded.file_of(run, name)


def test_models_have_the_names_that_callback_and_program_gave(pictures: Trained) -> None:
    with pictures.api() as api:
        for run_name, name in {"labels": "side", "masks": "mask-model", "points": None}.items():
            run = api.run(named(pictures, run_name)["run"])
            name = name or f"run-{run.id}-model"
            (model,) = recorded.artifacts_of(run, "model").values()
            assert (model.name, model.aliases, model.type) == (f"{name}:v0", ["latest"], "model")
            assert list(model.manifest.entries) == [f"{name}.pth"]
            logger = model.logged_by()
            assert logger is not None
            assert logger.id == run.id


@pytest.mark.parametrize("example", [TABULAR, VISION])
def test_stock_sync_delivers_every_run_with_models_and_datasets(training: Training, example: str) -> None:
    trained = training(example, "runstore")
    server = recorded.delivered(trained)
    described = [facts for facts in trained.facts if "run" in facts]
    for facts in described:
        summary = server.run(facts["run"]).summary
        assert {key: summary[key] for key in facts["metrics"]} == pytest.approx(facts["metrics"], rel=1e-6)
    models, datasets = (set(recorded.delivered_files(server, kind)) for kind in ("model", "dataset"))
    if example == TABULAR:
        assert (models, datasets) == ({"rooms-model"}, {"rooms"})
    else:
        by_hand = f"run-{named(trained, 'points')['run']}-model"
        assert (models, datasets) == ({"side", "mask-model", by_hand}, {"squares", "squares-with-corners"})
    users = {run for artifact in server.artifacts for run in artifact.used_by}
    assert users == {facts["run"] for facts in described if facts.get("name") != "masks"}
