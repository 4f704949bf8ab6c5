"""Lightning on two processes: exactly one run, whichever way they are started, and also when one of them is killed.

Through the shim and by stock alike, but that stock refuses offline to find an artifact again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runstore.query.stored.run import StoredRun
from tests.conformance import stock
from tests.conformance.shared import made_once
from tests.integrations import lightning
from tests.integrations.harness import Trained, attempt, noted_in, train
from tests.wandbserver.server import RecordingServer

RANKS = "train_lightning_ranks.py"
CONFIG = {"data": "a plane", "batch_size": 8, "lr": 0.05}
# Two of the three can follow each other in one program; the third starts the whole program anew.
TOGETHER = {"ddp": ("ddp",), "ddp_spawn": ("ddp_spawn", "ddp_fork"), "ddp_fork": ("ddp_spawn", "ddp_fork")}


def ranks(factory: pytest.TempPathFactory, library: str, strategy: str) -> tuple[Trained, list[dict[str, Any]]]:
    """Return what a program left behind, and the facts that it noted of one of its strategies."""
    wanted = TOGETHER[strategy]
    trained = made_once(
        factory,
        f"ranks-{library}-{wanted[0]}",
        lambda folder: train(folder, RANKS, *wanted, with_stock=library == "stock"),
    )
    last = [place for place, facts in enumerate(trained.facts) if "strategy" in facts]
    begun = 0
    for end in last:
        until = end + 1 + ("retrieved" in trained.facts[min(end + 1, len(trained.facts) - 1)])
        if trained.facts[end]["strategy"] == strategy:
            return trained, trained.facts[begun:until]
        begun = until
    raise LookupError(strategy)


@pytest.fixture(params=["runstore", "stock"])
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["ddp", "ddp_spawn", "ddp_fork"])
def strategy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def losses(facts: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Return what rank 0 logged, but for the last step of all, as it noted step by step."""
    return [(each["step"], each["loss"]) for each in facts if "step" in each]


def test_two_ranks_are_one_run_which_goes_on_when_they_have_ended(
    tmp_path_factory: pytest.TempPathFactory, library: str, strategy: str
) -> None:
    trained, facts = ranks(tmp_path_factory, library, strategy)
    (ended,) = [each for each in facts if each.get("rank") == 0]
    (told,) = [each for each in facts if "strategy" in each]
    with trained.api() as api:
        assert len(api.runs("ranks")) == len(TOGETHER[strategy])
        (run,) = [run for run in api.runs("ranks") if run.name == strategy]
        assert (run.id, run.state) == (told["run"], "finished")
        assert run.config == CONFIG
        assert_logged(run, facts, ended)
        rows = [row["_step"] for row in run.scan_history()]
        assert rows == list(range(ended["steps"] + 2 + 1))  # a step each, one for each validation, and the last word
        assert (list(run.scan_history())[-1]["test/loss"], run.summary["verdict"]) == (0.25, "good")


def assert_logged(run: StoredRun, facts: list[dict[str, Any]], ended: dict[str, Any]) -> None:
    series = lightning.series(run, "train/loss")
    assert series[:-1] == losses(facts)
    assert series[-1] == (ended["steps"] - 1, ended["metrics"]["train/loss"])
    assert [step for step, _ in lightning.series(run, "val/loss")] == [3, 7]
    for key, value in ended["metrics"].items():
        assert run.summary[key] == value, key


def test_the_checkpoints_of_rank_0_are_versions_of_the_run(
    tmp_path_factory: pytest.TempPathFactory, library: str, strategy: str
) -> None:
    trained, facts = ranks(tmp_path_factory, library, strategy)
    (told,) = [each for each in facts if "strategy" in each]
    with trained.api() as api:
        model = f"ranks/model-{told['run']}"
        assert [api.artifact(f"{model}:{alias}").version for alias in ("best", "latest")] == ["v1", "v1"]
        logged_by = api.artifact(f"{model}:v0").logged_by()
        assert logged_by is not None
        assert logged_by.id == told["run"]
        if library == "runstore":
            assert facts[-1]["retrieved"] == told["weights"]
            assert [run.id for run in api.artifact(f"{model}:best").used_by()] == [told["run"]]


def test_a_rank_that_is_killed_leaves_one_failed_run_with_all_that_was_logged(tmp_path: Path, strategy: str) -> None:
    outcome = attempt(tmp_path, RANKS, strategy, "--dies")
    assert outcome.returncode != 0
    trained = Trained(tmp_path, outcome.stdout + outcome.stderr, noted_in(tmp_path))
    with trained.api() as api:
        (run,) = api.runs("ranks")
        assert (run.name, run.state) == (strategy, "failed")
        assert run.config == CONFIG
        assert [step for step, _ in losses(trained.facts)] == list(range(6))
        assert lightning.series(run, "train/loss") == losses(trained.facts)
        assert api.artifact(f"ranks/model-{run.id}:best").version == "v0"


def test_ranks_that_start_together_with_equal_seeds_are_one_run(tmp_path: Path) -> None:
    trained = train(tmp_path, RANKS, "ddp", launcher=("torchrun", "--nproc_per_node", "2"))
    with trained.api() as api:
        (run,) = api.runs("ranks")
        assert (run.id, run.state) == (trained.fact("run"), "finished")
        assert_logged(run, trained.facts, next(each for each in trained.facts if each.get("rank") == 0))


def test_stock_sync_makes_one_run_of_the_logs_of_all_processes(
    tmp_path_factory: pytest.TempPathFactory, strategy: str
) -> None:
    trained, facts = ranks(tmp_path_factory, "runstore", strategy)
    (told,) = [each for each in facts if "strategy" in each]
    directories = sorted(trained.folder.glob(f"wandb/offline-run-*-{told['run']}"))
    with RecordingServer() as server:
        for directory in directories:
            done = stock.sync("0.31.0", directory, server.url)
            assert stock.synced_mark(directory).exists(), done.stderr
    assert server.errors + server.unknown_operations == []
    carried = server.run(told["run"])
    with trained.api() as api:
        (run,) = [run for run in api.runs("ranks") if run.name == strategy]
        rows = [(row["trainer/global_step"], row["train/loss"]) for row in carried.history if "train/loss" in row]
        assert rows == lightning.series(run, "train/loss")
        assert carried.config == CONFIG
        for key in ("train/loss", "val/loss", "test/loss", "epoch", "verdict"):
            assert carried.summary[key] == run.summary[key], key
    models = [each for each in server.artifacts if each.announced["artifactTypeName"] == "model"]
    assert [each.committed and bool(each.files["model.ckpt"]) for each in models] == [True, True]
