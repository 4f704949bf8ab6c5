"""The equipment is sound: what stock wandb is told to log is what the recording server has in the end.

Everything else under conformance/ rests on this; where a test here fails, look at stock and at the server
before looking at runstore.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from pathlib import Path

import pytest

from tests.conformance import stock
from tests.conformance.shared import console_of
from tests.timing import PATIENCE_SECONDS
from tests.wandbserver.recorded import RecordedRun
from tests.wandbserver.server import RecordingServer

NEWEST = stock.STOCK_VERSIONS[0]

TRAINING = """
import sys, wandb

run = wandb.init(project="equipment", id="k3v9q2", name="first", notes="a note", tags=["a", "b"], group="g",
                 job_type="train", config={"lr": 0.1, "model": {"depth": 2, "widths": [8, 16]}})
print("to stdout")
print("to stderr", file=sys.stderr)
run.config.update({"late": {"added": True}})
for i in range(3):
    run.log({"loss": 1.5 - i, "nested": {"i": i}, "word": "text"})
run.log({"loss": float("nan"), "bound": float("inf")}, step=10)
run.log({"loss": float("-inf")}, step=12)
run.summary["best"] = 7
run.finish(exit_code=3)
"""

MANY_ROWS = """
import wandb

run = wandb.init(project="equipment", id="k3v9q2", settings=wandb.Settings(x_disable_stats=True))
for i in range(2000):
    run.log({"i": i})
run.finish()
"""


ARTIFACT = """
import pathlib, wandb

pathlib.Path("a.txt").write_text("some bytes")
run = wandb.init(project="equipment", id="k3v9q2")
artifact = wandb.Artifact("weights", "model")
artifact.add_file("a.txt", name="folder/a.txt")
run.log_artifact(artifact)
run.finish()
"""

RESUMED = """
import wandb

run = wandb.init(project="equipment", id="k3v9q2", resume="allow", config={"resumed": True})
print("again")
for step in (0, 2, 20):
    run.log({"loss": step}, step=step)
run.finish()
"""


def _write(version: str, source: str, cwd: Path) -> Path:
    cwd.mkdir(exist_ok=True)
    written = stock.run_script(version, source, cwd)
    assert written.returncode == 0, written.stderr
    (run_dir,) = (cwd / "wandb").glob("offline-run-*")
    return run_dir


def _rows(run: RecordedRun) -> list[dict[str, object]]:
    """Rows without what depends on the clock; NaN as a word, since it equals nothing."""
    clock = ("_timestamp", "_runtime")
    return [
        {key: "nan" if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in ({key: value for key, value in row.items() if key not in clock} for row in run.history)
    ]


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_what_stock_logs_is_what_the_server_has(version: str, tmp_path: Path) -> None:
    run_dir = _write(version, TRAINING, tmp_path)
    with RecordingServer() as server:
        synced = stock.sync(NEWEST, run_dir, server.url)
    assert stock.synced_mark(run_dir).exists(), synced.stderr
    run = server.run("k3v9q2")
    assert (run.entity, run.project, run.display_name, run.notes) == ("tester", "equipment", "first", "a note")
    assert (run.tags, run.group, run.job_type) == (["a", "b"], "g", "train")
    assert run.config == {"lr": 0.1, "model": {"depth": 2, "widths": [8, 16]}, "late": {"added": True}}
    assert _rows(run) == [
        {"_step": 0, "loss": 1.5, "nested": {"i": 0}, "word": "text"},
        {"_step": 1, "loss": 0.5, "nested": {"i": 1}, "word": "text"},
        {"_step": 2, "loss": -0.5, "nested": {"i": 2}, "word": "text"},
        {"_step": 10, "loss": "nan", "bound": math.inf},
        {"_step": 12, "loss": -math.inf},
    ]
    summary = {key: run.summary[key] for key in ("_step", "loss", "bound", "word", "nested", "best")}
    assert summary == {
        "_step": 12, "loss": -math.inf, "bound": math.inf, "word": "text", "nested": {"i": 2}, "best": 7,
    }  # fmt: skip
    assert (console_of(run, "stdout"), console_of(run, "stderr")) == (["to stdout"], ["to stderr"])
    assert (run.exit_code, run.complete) == (3, True)
    assert {"config.yaml", "output.log", "requirements.txt", "wandb-summary.json"} <= set(run.files)
    assert b"to stdout" in run.files["output.log"]
    assert (run.overwritten, run.gaps) == ([], [])
    assert (server.unknown_operations, server.errors) == ([], [])


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS[1:])
def test_older_stock_delivers_its_own_run(version: str, tmp_path: Path) -> None:
    run_dir = _write(version, TRAINING, tmp_path)
    with RecordingServer() as server:
        synced = stock.sync(version, run_dir, server.url)
    assert stock.synced_mark(run_dir).exists(), synced.stderr
    run = server.run("k3v9q2")
    assert [row["_step"] for row in run.history] == [0, 1, 2, 10, 12]
    assert run.config["model"] == {"depth": 2, "widths": [8, 16]}
    assert (run.summary["best"], run.summary["nested"]) == (7, {"i": 2})
    assert (console_of(run, "stdout"), console_of(run, "stderr")) == (["to stdout"], ["to stderr"])
    # These versions hold the exit back until a `final` record, which none of them writes: any code arrives as 0,
    # and the last edits of the config may be missing.
    assert (run.exit_code, run.complete) == (0, True)
    assert (server.unknown_operations, server.errors) == ([], [])


def test_truncated_log_arrives_shorter_and_is_not_marked(tmp_path: Path) -> None:
    run_dir = _write(NEWEST, MANY_ROWS, tmp_path)
    log = run_dir / "run-k3v9q2.wandb"
    os.truncate(log, log.stat().st_size // 2)
    with RecordingServer() as server:
        stock.sync(NEWEST, run_dir, server.url)
    assert not stock.synced_mark(run_dir).exists()
    run = server.run("k3v9q2")
    steps = [row["_step"] for row in run.history]
    assert 0 < len(steps) < 2000
    assert steps == list(range(len(steps)))
    assert run.exit_code == 1


def test_second_sync_of_stock_duplicates_and_the_server_shows_it(tmp_path: Path) -> None:
    run_dir = _write(NEWEST, TRAINING, tmp_path)
    with RecordingServer() as server:
        stock.sync(NEWEST, run_dir, server.url)
        stock.synced_mark(run_dir).unlink()
        stock.sync(NEWEST, run_dir, server.url)
    assert [row["_step"] for row in server.run("k3v9q2").history] == [0, 1, 2, 10, 12] * 2


def test_resumed_run_is_appended_behind_the_last_step(tmp_path: Path) -> None:
    first = _write(NEWEST, TRAINING, tmp_path / "first")
    second = _write(NEWEST, RESUMED, tmp_path / "second")
    with RecordingServer() as server:
        for run_dir in (first, second):
            stock.sync(NEWEST, run_dir, server.url)
            assert stock.synced_mark(run_dir).exists()
    run = server.run("k3v9q2")
    assert [row["_step"] for row in run.history] == [0, 1, 2, 10, 12, 13, 14, 20]
    assert (console_of(run, "stdout"), console_of(run, "stderr")) == (["to stdout", "again"], ["to stderr"])
    assert (run.config["lr"], run.config["resumed"]) == (0.1, True)
    assert (run.overwritten, run.gaps) == ([], [])


def test_artifact_arrives_with_manifest_and_bytes(tmp_path: Path) -> None:
    run_dir = _write(NEWEST, ARTIFACT, tmp_path)
    with RecordingServer() as server:
        stock.sync(NEWEST, run_dir, server.url)
    (artifact,) = server.artifacts
    assert artifact.announced["artifactCollectionName"] == "weights"
    assert artifact.committed
    assert artifact.files == {"folder/a.txt": b"some bytes"}
    assert artifact.manifest is not None
    assert artifact.manifest["contents"]["folder/a.txt"]["size"] == len(b"some bytes")


def test_environment_of_stock_holds_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_ENTITY", "someone")
    shown = stock.run_script(NEWEST, "import os; print(sorted(os.environ)); print(os.environ['HOME'])", tmp_path)
    names, home = shown.stdout.splitlines()
    assert "WANDB_API_KEY" not in names
    assert "WANDB_ENTITY" not in names
    assert Path(home).is_relative_to(tmp_path)


def _slow_pip(version: str, target: Path) -> None:
    (target / "wandb").mkdir()
    (target / "wandb" / "half").touch()
    # All processes are past the check for the folder before any of them renames.
    _all_are_installing.wait(timeout=PATIENCE_SECONDS)
    (target / "wandb" / "half").rename(target / "wandb" / "whole")


def _install_with_slow_pip(cache: Path) -> None:
    os.environ["XDG_CACHE_HOME"] = str(cache)
    stock._pip_install = _slow_pip
    assert (stock.install("0.0.0") / "wandb" / "whole").exists()


_all_are_installing = multiprocessing.get_context("fork").Barrier(3)


def test_processes_that_install_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    racers = [context.Process(target=_install_with_slow_pip, args=(tmp_path,)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    (site,) = (tmp_path / "runstore-tests").iterdir()
    assert not site.name.startswith(".")


def test_failed_install_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(version: str, target: Path) -> None:
        (target / "wandb").mkdir()
        raise RuntimeError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stock, "_pip_install", fail)
    with pytest.raises(RuntimeError, match="no network"):
        stock.install("0.0.0")
    assert list((tmp_path / "runstore-tests").iterdir()) == []
