"""What a Lightning run logged, in later programs: found again, tested, trained on from, and carried away by stock sync.

Each starts without the checkpoints, and in another folder than that in which they were logged. Stock refuses offline
to find artifacts again, so with it training goes on from Lightning's own file; and it resumes no run offline, so that
the run's second log begins at step 0, which its readers lift, and knows nothing of the first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from runstore.query.stored.run import StoredRun
from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.integrations import lightning, recorded
from tests.integrations.harness import Trained, train
from tests.wandbserver.recorded import RecordedArtifact
from tests.wandbserver.server import RecordingServer

AGAIN = "train_lightning_again.py"


@pytest.fixture(scope="module", params=["runstore", "stock"])
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return lightning.trained(tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def again(first: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What later programs noted, one after the other."""
    return made_once(tmp_path_factory, f"{first.folder.name}-again", lambda folder: _gone_on(first, folder))


def _gone_on(first: Trained, folder: Path) -> Trained:
    with_stock = "stock" in first.folder.name
    kept = shutil.ignore_patterns("facts.jsonl", "home", "artifacts", "index.db*")
    shutil.copytree(first.folder, folder, dirs_exist_ok=True, symlinks=True, ignore=kept)
    assert with_stock or not list(folder.rglob("*.ckpt"))
    for what in ("resume",) if with_stock else ("test", "load", "resume"):
        done = train(folder, AGAIN, what, first.fact("run"), with_stock=with_stock)
    return done


def test_the_best_checkpoint_is_loaded_in_a_new_run_without_a_run_and_in_the_same_run(
    first: Trained, again: Trained
) -> None:
    if "stock" in first.folder.name:
        return
    assert again.fact("in_a_new_run") == [first.fact("weights")] * 2
    assert again.fact("without_a_run") == [first.fact("weights")] * 2
    assert again.fact("runs") is False
    assert again.fact("in_the_same_run") == first.fact("weights")


def test_who_used_the_best_checkpoint_is_known_and_what_it_is_worth(first: Trained, again: Trained) -> None:
    if "stock" in first.folder.name:
        return
    model = f"lightning/model-{first.fact('run')}"
    with again.api() as api:
        assert {run.id for run in api.runs("lightning")} == {first.fact("run"), again.fact("tested_by")}
        tested = api.run(f"lightning/{again.fact('tested_by')}")
        versions = api.artifacts("model", model)
        best = next(each for each in versions if each.metadata["original_filename"] == first.fact("best"))
        assert [each.name for each in tested.used_artifacts()] == [best.name]
        assert {run.id for run in best.used_by()} == {first.fact("run"), again.fact("tested_by")}
        for key, value in again.fact("results").items():
            (row,) = tested.scan_history(keys=[key])
            assert row[key] == value, key


def test_training_goes_on_from_the_latest_checkpoint(first: Trained, again: Trained) -> None:
    assert again.fact("begun_at") == first.fact("steps") == 18
    assert again.fact("begun_with") == first.fact("last_weights")
    assert again.fact("steps") == 30
    if "stock" in first.folder.name:
        assert (again.fact("resumed"), again.fact("config")) == (False, {})
    else:
        assert again.fact("resumed") is True
        assert again.fact("config").items() >= {**first.fact("hyperparameters"), "data": "bright sides"}.items()


def test_the_resumed_run_has_the_rows_of_both_trainings_in_order(first: Trained, again: Trained) -> None:
    before = lightning.own_series(first.folder / first.fact("metrics"))
    after = lightning.own_series(again.folder / again.fact("metrics"))
    with again.api() as api:
        run = api.run(f"lightning/{first.fact('run')}")
        for key, values in before.items():
            assert lightning.series(run, key) == values + after[key], key
        steps = [row["_step"] for row in run.scan_history(keys=["train/loss_step"])]
        assert steps == sorted(set(steps))
        assert len(steps) == 30
        assert (run.state, len(run.logs)) == ("finished", 2)
        assert run.summary["train/loss_step"] == after["train/loss_step"][-1][1]
        losses = [value for _, value in before["val/loss"] + after["val/loss"]]
        # The program defines the metric at step 0; stock forgets that, and its summary has the last value.
        assert run.summary["val/loss"] == (losses[-1] if "stock" in first.folder.name else {"min": min(losses)})
        assert run.config["stages"] == {"warmup": 0}


def test_stock_sync_carries_the_run_with_its_checkpoints(first: Trained, again: Trained) -> None:
    directories = sorted(again.folder.glob(f"wandb/offline-run-*-{first.fact('run')}"))
    home = {"HOME": str(first.folder / "user")}  # where stock keeps what artifacts are made of
    with RecordingServer() as server:
        for directory in directories:
            done = stock.sync("0.31.0", directory, server.url, env=home)
            assert stock.synced_mark(directory).exists(), done.stderr
    assert server.errors + server.unknown_operations == []
    carried = server.run(first.fact("run"))
    with again.api() as api:
        run = api.run(f"lightning/{first.fact('run')}")
        for key in ("train/loss_step", "val/loss", "epoch"):
            rows = [row for row in carried.history if key in row]
            assert [(row["trainer/global_step"], row[key]) for row in rows] == lightning.series(run, key), key
        assert {key: carried.summary[key] for key in NUMBERS} == {key: run.summary[key] for key in NUMBERS}
        assert carried.config.items() >= {**first.fact("hyperparameters"), "data": "bright sides"}.items()
        assert recorded_media(run) <= carried.files.keys()
    assert carried_checkpoints(server.artifacts).items() >= first.fact("checkpoints").items()


NUMBERS = ("train/loss_step", "train/loss_epoch", "val/accuracy", "val/loss", "epoch")


def recorded_media(run: StoredRun) -> set[str]:
    """Return the names of a run's pictures, sounds and tables, whose names have the digests of their contents."""
    names = {file.name for file in run.files() if file.name.startswith("media/")}
    for name in names:
        recorded.file_of(run, name)
    return names


def carried_checkpoints(artifacts: list[RecordedArtifact]) -> dict[str, str]:
    """Return the digest of each model that a server was sent, by the name that Lightning's file had."""
    found = {}
    for artifact in artifacts:
        if artifact.announced["artifactTypeName"] == "model":
            assert artifact.committed
            digest = base64.b64encode(hashlib.md5(artifact.files["model.ckpt"]).digest()).decode()
            found[json.loads(artifact.announced["metadata"])["original_filename"]] = digest
    return found
