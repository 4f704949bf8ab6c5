"""Keras 3 on torch with our callbacks. W&B's own can't be asked: they need TensorFlow."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from runstore.sdk.artifacts.artifact import Artifact
from tests.integrations.harness import Trained, train
from tests.integrations.recorded import artifacts_of

CLASSIFIER, BATCHES = {"display_name": "classifier"}, {"display_name": "batches"}
EPOCHS = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("keras"), "train_keras.py", KERAS_BACKEND="torch")


def digests_of_pictures(artifact: Artifact) -> set[str]:
    entries = artifact.manifest.entries
    return {entry.digest for path, entry in entries.items() if path.endswith(".png")}


def test_every_epoch_is_a_row_with_what_fit_returned(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("keras", filters=CLASSIFIER)
        assert run.config == {"epochs": EPOCHS, "lr": 0.01}
        for name, values in trained.fact("history").items():
            rows = list(run.scan_history(keys=[f"epoch/{name}", "epoch/epoch"]))
            assert [row[f"epoch/{name}"] for row in rows] == pytest.approx(values)
            assert [row["epoch/epoch"] for row in rows] == list(range(EPOCHS))
        assert run.summary["epoch/learning_rate"] == pytest.approx(trained.fact("rate"))


def test_checkpoints_are_versions_with_the_bytes_of_each_epoch(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("keras", filters=CLASSIFIER)
        models = artifacts_of(run, "model")
        assert sorted(models) == [f"run_{run.id}_model:v{epoch}" for epoch in range(EPOCHS)]
        for epoch in range(EPOCHS):
            model = models[f"run_{run.id}_model:v{epoch}"]
            latest = ["latest"] if epoch == EPOCHS - 1 else []
            assert sorted(model.aliases) == [f"epoch_{epoch}", *latest]
            (entry,) = model.manifest.entries.values()
            assert base64.b64decode(entry.digest).hex() == trained.fact("files")[str(epoch)]


def test_tables_of_predictions_have_the_pictures_of_the_data(trained: Trained, tmp_path: Path) -> None:
    with trained.api() as api:
        (run,) = api.runs("keras", filters=CLASSIFIER)
        (data,) = run.used_artifacts()
        assert (data.name, data.type) == ("val:v0", "dataset")
        predictions = artifacts_of(run, "evaluation")
        assert len(predictions) == EPOCHS
        for noted in (facts for facts in trained.facts if "predicted" in facts):
            found = predictions[f"run_{run.id}_pred:v{noted['epoch']}"]
            folder = Path(found.download(str(tmp_path / found.version)))
            table = json.loads((folder / "eval_data.table.json").read_text())
            assert [row[-1] for row in table["data"]] == noted["predicted"]
            assert [row[0] for row in table["data"]] == [noted["epoch"]] * len(noted["predicted"])
            assert digests_of_pictures(found) == digests_of_pictures(data)


def test_batches_are_drawn_against_their_own_count(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("keras", filters=BATCHES)
        rows = list(run.scan_history(keys=["batch/loss", "batch/batch_step"]))
        assert [row["batch/batch_step"] for row in rows] == [0, 2, 4, 6, 8, 10]
        rows = list(run.scan_history(keys=["epoch/loss"]))
        assert [row["epoch/loss"] for row in rows] == pytest.approx(trained.fact("batches")["loss"])
        assert run.summary["epoch/learning_rate"] == pytest.approx(trained.fact("batch_rate"))
