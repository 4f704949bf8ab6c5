"""Stable-Baselines3's WandbCallback with `sync_tensorboard`, through the shim and W&B's own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.integrations.harness import Trained, train


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    return train(folder, "train_sb3.py", with_stock=request.param == "stock")


def test_hyperparameters_of_the_algorithm_stand_beside_the_programs(trained: Trained) -> None:
    wanted = {name: trained.fact(name) for name in ("gamma", "n_steps", "learning_rate")}
    with trained.api() as api:
        (run,) = api.runs("sb3")
        assert run.id == trained.fact("run")
        assert {name: run.config[name] for name in wanted} == wanted
        assert (run.config["algo"], run.config["env_name"]) == ("PPO", "CartPole-v1")


def test_what_the_agent_logs_for_tensorboard_is_in_the_run(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("sb3")
        steps = [row["global_step"] for row in run.scan_history(keys=["global_step", "rollout/ep_rew_mean"])]
        assert steps == [128 * (rollout + 1) for rollout in range(trained.fact("rollouts"))]
        assert steps[-1] == trained.fact("steps")
        for row in run.scan_history(keys=["train/learning_rate"]):
            assert row["train/learning_rate"] == pytest.approx(trained.fact("learning_rate"))
        assert len(list(run.scan_history(keys=["train/loss"]))) == trained.fact("rollouts") - 1


def test_gradients_are_recorded_with_a_step_to_draw_them_at(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("sb3")
        rows = list(run.scan_history())
        watched = [row for row in rows if any(str(key).startswith("gradients/action_net.weight") for key in row)]
        assert watched
        assert "global_step" in watched[0]


def test_the_saved_model_and_the_event_file_are_files_of_the_run(trained: Trained) -> None:
    with trained.api() as api:
        (run,) = api.runs("sb3")
        model = Path(unquote(urlsplit(run.file("model.zip").url).path))
        assert hashlib.md5(model.read_bytes()).hexdigest() == trained.fact("model")
        (events,) = [file.name for file in run.files() if "tfevents" in file.name]
        assert Path(events).name in {path.name for path in (trained.folder / "runs").rglob("*tfevents*")}
