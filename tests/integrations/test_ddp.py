"""Plain PyTorch with DistributedDataParallel: rank 0 alone, a run for each rank, one run of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.paths import find_logs
from runstore.query.stored.run import StoredRun
from tests.conformance import stock
from tests.integrations.harness import STOCK, Trained, attempt, noted_in, train
from tests.wandbserver.server import RecordingServer

TORCHRUN = ("torchrun", "--nproc_per_node", "2")
WAYS = ("rank0", "group", "together")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """What each way recorded through the shim."""
    return {
        track: train(tmp_path_factory.mktemp(track), "train_ddp.py", "--track", track, launcher=TORCHRUN)
        for track in WAYS
    }


@pytest.fixture(scope="module", params=["runstore", "stock"])
def grouped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run for each rank: stock does this offline; for one run of all ranks it wants a server."""
    if request.param == "runstore":
        shimmed: dict[str, Trained] = request.getfixturevalue("tracked")
        return shimmed["group"]
    folder = tmp_path_factory.mktemp("stock")
    return train(folder, "train_ddp.py", "--track", "group", launcher=TORCHRUN, with_stock=True)


def test_rank_0_alone_records_one_run(tracked: dict[str, Trained]) -> None:
    trained = tracked["rank0"]
    with trained.api() as api:
        (run,) = api.runs("ddp")
        (by,) = [facts for facts in trained.facts if facts.get("rank") == 0]
        assert (run.id, run.state) == (by["run"], "finished")
        assert_logged(run, "", by)


def test_each_rank_has_a_run_in_the_group(grouped: Trained) -> None:
    with grouped.api() as api:
        runs = {run.name: run for run in api.runs("ddp")}
        assert sorted(runs) == ["rank 0", "rank 1"]
        for facts in grouped.facts:
            if "rank" in facts:
                run = runs[f"rank {facts['rank']}"]
                assert (run.id, run.group, run.job_type, run.state) == (facts["run"], "everyone", "train", "finished")
                assert run.config == {"lr": 0.05, "batch_size": 32, "hidden": 8}
                assert_logged(run, "", facts)


def test_all_ranks_are_one_run_of_which_each_has_a_log(tracked: dict[str, Trained]) -> None:
    trained = tracked["together"]
    with trained.api() as api:
        (run,) = api.runs("ddp")
        assert (run.name, run.state, len(run.logs)) == ("together", "finished", 2)
        assert run.config == {"lr": 0.05, "batch_size": 32, "hidden": 8}
        for rank in (0, 1):
            (facts,) = [facts for facts in trained.facts if facts.get("rank") == rank]
            assert_logged(run, f"rank_{rank}/", facts)
        whole = {"rank_0/loss", "rank_0/epoch", "rank_1/loss", "rank_1/epoch"}
        assert all(whole <= row.keys() for row in run.scan_history())  # a row for each step, with all ranks in it
        assert {key.rpartition("/l:")[2] for key in run.system_metrics if "/l:" in key} == {"rank_0", "rank_1"}


def assert_logged(run: StoredRun, prefix: str, facts: dict[str, object]) -> None:
    rows = list(run.scan_history(keys=[f"{prefix}loss", f"{prefix}epoch"]))
    assert [row["_step"] for row in rows] == list(range(int(str(facts["steps"]))))
    assert rows[-1][f"{prefix}loss"] == facts["loss"]
    assert run.summary[f"{prefix}loss"] == facts["loss"]


@pytest.mark.parametrize("track", ["group", "together"])
def test_what_each_rank_has_becomes_one_artifact(tracked: dict[str, Trained], track: str) -> None:
    with tracked[track].api() as api:
        artifact = api.artifact("ddp/shards:latest")
        assert artifact.version == "v0"
        assert sorted(artifact.manifest.entries) == ["rank0.txt", "rank1.txt"]
        for run in api.runs("ddp"):
            assert [one.name for one in run.logged_artifacts() if one.type == "dataset"] == ["shards:v0"]


def test_the_model_of_rank_0_is_best_and_latest(grouped: Trained) -> None:
    with grouped.api() as api:
        model = grouped.fact("model")
        assert api.artifact(f"ddp/{model}:best").version == api.artifact(f"ddp/{model}:latest").version == "v0"
        logged_by = api.artifact(f"ddp/{model}:best").logged_by()
        assert logged_by is not None
        assert f"model-{logged_by.id}" == model


@pytest.mark.parametrize(
    ("track", "dies", "states"),
    [
        ("rank0", 1, ["failed"]),  # which waits for the other in vain
        ("group", 1, ["crashed", "failed"]),
        ("together", 1, ["failed"]),
        ("together", 0, ["crashed"]),
    ],
)
def test_a_rank_that_dies_leaves_no_run_more_or_less(tmp_path: Path, track: str, dies: int, states: list[str]) -> None:
    outcome = attempt(tmp_path, "train_ddp.py", "--track", track, "--dies", str(dies), launcher=TORCHRUN)
    assert outcome.returncode != 0
    (died,) = noted_in(tmp_path)
    with Trained(tmp_path, outcome.stdout + outcome.stderr, [died]).api() as api:
        runs = {run.id: run for run in api.runs("ddp")}
        assert sorted(run.state for run in runs.values()) == states
        if died["run"]:
            assert_logged(runs[died["run"]], f"rank_{dies}/" if track == "together" else "", died)


@pytest.mark.parametrize("track", ["group", "together"])
def test_stock_sync_delivers_what_the_ranks_logged(tracked: dict[str, Trained], track: str) -> None:
    trained = tracked[track]
    with RecordingServer() as server:
        for log in find_logs(trained.folder):
            stock.sync(STOCK, log.parent, server.url)
        assert (server.errors, server.unknown_operations) == ([], [])
        ranks = [facts for facts in trained.facts if "rank" in facts]
        assert {run.run_id for run in server.runs} == {facts["run"] for facts in ranks}
        for facts in ranks:
            run = server.run(facts["run"])
            key = f"rank_{facts['rank']}/loss" if track == "together" else "loss"
            # Stock leaves what a server holds as the summary to the log that it delivers last.
            if track == "group" or facts["rank"] == 1:
                assert run.summary[key] == facts["loss"]
            assert [row[key] for row in run.history if key in row][-1] == facts["loss"]
            assert (run.overwritten, run.gaps, run.exit_code) == ([], [], 0)
        files = {path for artifact in server.artifacts if artifact.committed for path in artifact.files}
        assert files >= {"model.pt", "rank0.txt"}
