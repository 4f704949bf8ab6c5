"""SIGKILL of a training process: every call that had returned is in the log, the index and the next process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import NotFound
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.sdk.run import Run
from tests.commands import Bench
from tests.crash.killed import KILLS, Expected, Killed, killed_runs
from tests.crash.training import LARGEST_BYTES, SMALLEST_BYTES

OF_EVERY_ROW = ("_step", "_timestamp", "_runtime")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder below which the runs are recorded."""
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_RUN_ID", "WANDB_RESUME", "RUNSTORE_FSYNC"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    runstore.finish()


def test_every_call_that_returned_survives_a_kill_and_the_run_goes_on_behind_it(folder: Path) -> None:
    killed = killed_runs(folder)
    assert len(killed) == KILLS
    assert sum(one.returned > 0 for one in killed) >= 30
    sizes = [size for one in killed for size in one.sizes()]
    assert min(sizes) < 2 * SMALLEST_BYTES
    assert max(sizes) > LARGEST_BYTES / 2
    with indexed(folder) as here, on_the_hub(folder) as there:
        for one in killed:
            check_killed(here, one)
            check_killed(there, one)
    resumed = {one.run_id: resume(one) for one in killed if one.returned}
    with indexed(folder) as here, on_the_hub(folder) as there:
        for run_id, step in resumed.items():
            check_resumed(here, run_id, step)
            check_resumed(there, run_id, step)


@contextmanager
def on_the_hub(folder: Path) -> Iterator[Api]:
    """Sync everything to a hub, check that it was proven to arrive; give an Api over the hub's own index."""
    bench = Bench(folder)
    with bench.hub():
        report = bench.json("sync")
        # A log that was killed before its run record was written has nothing that could be delivered.
        assert report["failed"] == 0
        assert report["verified"] == report["logs"] > 0
        assert bench.json("sync")["bytes_sent"] == 0
        bench.json("runs", "list", "--remote", "lab")  # waits until the hub has indexed what it holds
    api = Api(index=folder / "hub" / "index.db", refresh=False)
    yield api
    api.close()


@contextmanager
def indexed(folder: Path) -> Iterator[Api]:
    """Bring an index up to date; give an Api over it."""
    index = folder / "index.db"
    indexer = Indexer(index)
    assert indexer.catch_up_below(folder / "wandb") == []
    indexer.close()
    api = Api(index=index, refresh=False)
    yield api
    api.close()


def check_killed(api: Api, killed: Killed) -> None:
    """Check the rows and the summary of a killed run against the calls that had returned, or one more."""
    without, including = killed.expected()
    try:
        run = api.run(f"crash/{killed.run_id}")
    except NotFound:
        assert killed.returned == 0
        return
    assert run.state == "crashed"
    found = as_expected(run)
    assert found in (comparable(without), comparable(including)), f"{killed}: {describe(found, without)}"


def as_expected(run: StoredRun) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    rows = {row["_step"]: {k: v for k, v in row.items() if k not in OF_EVERY_ROW} for row in run.scan_history()}
    return rows, dict(flat(run.summary))


def comparable(expected: Expected) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    return expected.rows, expected.summary


def flat(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        elif key not in OF_EVERY_ROW:
            yield above + key, value


def describe(found: tuple[dict[int, dict[str, Any]], dict[str, Any]], expected: Expected) -> str:
    """Return what differs, without the megabytes."""
    rows, summary = found
    steps = [step for step in rows.keys() | expected.rows.keys() if rows.get(step) != expected.rows.get(step)]
    keys = [key for key in summary.keys() | expected.summary.keys() if summary.get(key) != expected.summary.get(key)]
    return f"rows of steps {sorted(steps)[:10]} and summary of {sorted(keys)} differ"


def resume(killed: Killed) -> int:
    """Go on with a killed run; return the step at which it did."""
    run = runstore.init(project="crash", id=killed.run_id, resume="must")
    assert isinstance(run, Run)
    without, including = killed.expected()
    assert run.step in (without.last_step + 1, including.last_step + 1)
    summary = dict(flat(dict(run.summary)))
    assert summary in (without.summary, including.summary)
    step = run.step
    run.log({"resumed": killed.returned})
    run.finish()
    return step


def check_resumed(api: Api, run_id: str, step: int) -> None:
    """Check that the resumed run has its new row, its fragment, and still all rows before."""
    run = api.run(f"crash/{run_id}")
    assert len(run.logs) == 2
    assert run.state == "finished"
    assert run.lastHistoryStep == step
    (last,) = run.scan_history(min_step=step)
    assert (last["_step"], "resumed" in last) == (step, True)
    assert run.summary["resumed"] == last["resumed"]
